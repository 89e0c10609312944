// A host that holds no wallet: starts an MCP server, lists its tools and calls one.
//
//   node host.mjs LIBRARY TOOL COMMAND…   # arguments on standard input; prints what was answered
//
// LIBRARY is @modelcontextprotocol/sdk (version 1) or @modelcontextprotocol/client (version 2).

import { readFileSync } from "node:fs";

const [library, name, command, ...args] = process.argv.slice(2);
const order = JSON.parse(readFileSync(0, "utf8"));

const second = library === "@modelcontextprotocol/client";
const { Client } = await import(second ? library : `${library}/client/index.js`);
const { StdioClientTransport } = await import(second ? `${library}/stdio` : `${library}/client/stdio.js`);

const client = new Client({ name: "test", version: "1" });
await client.connect(new StdioClientTransport({ command, args, env: process.env }));
const { tools } = await client.listTools();
const invalid = await client.callTool({ name, arguments: { people: [] } });
const paid = await client.callTool({ name, arguments: order });
await client.close();
console.log(JSON.stringify({ tools, invalid, paid }));
