import * as holdfast from 'holdfast';
import { createDriver } from './driver.js';

window.driver = createDriver(holdfast);
window.isDriverReady = true;
