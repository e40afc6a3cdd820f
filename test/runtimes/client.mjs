/** The client of a scenario: the package by its name, as this runtime resolves it. */
import * as holdfast from 'holdfast';
import { createDriver } from '../../e2e/pages/driver.js';
import { listen } from './words.mjs';

listen(createDriver(holdfast));
