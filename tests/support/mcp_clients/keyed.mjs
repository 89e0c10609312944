// Calls the tools of kept schedules with an API key.
//
//   node keyed.mjs LIBRARY URL KEY   # calls on standard input: a list of [TOOL, ARGUMENTS]
//
// Prints the names of all tools and each result.
//
// LIBRARY is @modelcontextprotocol/sdk (version 1) or @modelcontextprotocol/client (version 2).

import { readFileSync } from "node:fs";

const [library, url, key] = process.argv.slice(2);
const calls = JSON.parse(readFileSync(0, "utf8"));

const second = library === "@modelcontextprotocol/client";
const { Client } = await import(second ? library : `${library}/client/index.js`);
const http = await import(second ? library : `${library}/client/streamableHttp.js`);

const client = new Client({ name: "test", version: "1" });
const requestInit = { headers: { Authorization: `Bearer ${key}` } };
await client.connect(new http.StreamableHTTPClientTransport(new URL(url), { requestInit }));
const tools = (await client.listTools()).tools.map((tool) => tool.name);
const results = [];
for (const [name, args] of calls) results.push(await client.callTool({ name, arguments: args }));
await client.close();
console.log(JSON.stringify({ tools, results }));
