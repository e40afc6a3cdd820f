import { createDriver } from './driver.js';

window.driver = createDriver(window.Holdfast);
window.isDriverReady = true;
