/** What the page loads: it takes over what the server has rendered, in the mode in which everything is mounted twice. */
import { createElement, StrictMode } from 'react';
import { hydrateRoot } from 'react-dom/client';
import { App, client, effects } from './frameworks-app.js';

window.complaints = [];
const complain = (error) => window.complaints.push(String(error));
const root = hydrateRoot(
  document.getElementById('root'),
  createElement(StrictMode, null, createElement(App)),
  {
    onRecoverableError: complain,
    onUncaughtError: complain,
  },
);
window.app = { client, effects, unmount: () => root.unmount() };
