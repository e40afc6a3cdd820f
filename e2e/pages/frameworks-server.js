/** What the server loads: renders the page, and says what became of the client that its module has made. */
import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import { App, client } from './frameworks-app.js';

export const render = () => renderToString(createElement(App));
export const state = () => client.status.state;
