/**
 * Node's HTTP and HTTPS. An `import` of `node:http` reads everything that it exports, also what it only loads on demand: the WebSocket client
 * with all of fetch behind it, some 40 ms of CPU in every thread, and nobody here uses it. `getBuiltinModule` reads nothing.
 */
const http = process.getBuiltinModule('node:http');
const https = process.getBuiltinModule('node:https');

export const httpRequest = http.request;
export const httpsRequest = https.request;
export const createHttpServer = http.createServer;
export const createHttpsServer = https.createServer;
