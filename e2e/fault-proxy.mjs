/**
 * The fault proxy: a TCP proxy that sits between a page (or a Node client) and a hub and hurts on request.
 * It is shared by the playground, the end-to-end and contract tests, the open bench and the chaos tests.
 * It must run from plain Node without a build and without dependencies.
 */
export { createFaultProxy } from './fault-proxy/index.mjs';
