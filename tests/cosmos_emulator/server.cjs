"use strict";
// A Cosmos DB emulator for tests: @vercel/cosmosdb-server with our corrections, plus faults and a clock.
//
//   NODE_PATH=tests/npm/node_modules node server.cjs [PORT]     prints `READY <port>`, ends when its stdin does
//
//   POST /_fault {"status": 429, "count": 3}                    the next 3 document requests are answered so
//   POST /_fault {"lose": true, "count": 1}                     ... are done, but the answer is lost
//   POST /_fault {"hang": true, "count": 1}                     ... are neither done nor answered
//        optional: "substatus", "headers"; "count": 0 forgets all faults
//   POST /_clock {"advance": 60}                                time goes on by 60 s (time to live)
//   POST /_calls                                                how many document requests came since the last time

const { createHttpServer, MAX_BYTES } = require("./corrections.cjs");

const realNow = Date.now;
let advanced = 0;
Date.now = () => realNow() + advanced;

let faults = [];
let calls = 0;

const controls = {
  "/_fault": (fault) => {
    faults = fault.count === 0 ? [] : [...faults, ...Array(fault.count).fill(fault)];
  },
  "/_clock": ({ advance }) => {
    advanced += advance * 1000;
  },
  "/_calls": () => {
    const counted = calls;
    calls = 0;
    return { calls: counted };
  },
};

function control(request, response) {
  let text = "";
  request.on("data", (part) => (text += part));
  request.on("end", () => response.end(JSON.stringify(controls[request.url](JSON.parse(text || "{}")) || {})));
}

function answer(request, response, status, { headers = {}, substatus = 0, message }) {
  request.resume();
  response.writeHead(status, {
    "content-type": "application/json",
    "x-ms-retry-after-ms": "10",
    "x-ms-substatus": String(substatus),
    ...headers,
  });
  response.end(JSON.stringify({ code: String(status), message }));
}

const server = createHttpServer({ keepAlive: true });
const [serve] = server.listeners("request");
server.removeAllListeners("request");
server.on("request", (request, response) => {
  if (request.url in controls) return control(request, response);
  if (request.url.includes("/docs")) {
    calls += 1;
    const fault = faults.shift();
    if (fault?.status) return answer(request, response, fault.status, { ...fault, message: "injected" });
    if (fault?.hang) return request.resume();
    if (fault?.lose) response.end = () => request.socket.destroy();
  }
  if (Number(request.headers["content-length"]) > MAX_BYTES) {
    return answer(request, response, 413, { message: "Request size is too large" });
  }
  response.setHeader("x-ms-session-token", `0:-1#${realNow()}`);
  return serve(request, response);
});

process.stdin.on("end", () => process.exit(0)).resume();
server.listen(Number(process.argv[2] || 0), "127.0.0.1", () => console.log(`READY ${server.address().port}`));
