// Buys a rotation over HTTP with the official x402 client for TypeScript.
//
//   make run                      # serves a sandbox on 127.0.0.1:8402
//   cd examples/typescript && npm ci
//   npm run --silent pay [URL]    # prints the answer and the receipt
//
// A sandbox credits every new wallet, so a throw-away one will do. Where money moves,
// PRIVATE_KEY=0x… is the key of a wallet that has some.

import { ExactEvmScheme } from "@x402/evm";
import { decodePaymentResponseHeader, wrapFetchWithPaymentFromConfig } from "@x402/fetch";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";

const url = process.argv[2] ?? "http://127.0.0.1:8402";
const key = (process.env.PRIVATE_KEY as `0x${string}` | undefined) ?? generatePrivateKey();
const order = { start: "2026-06-04T00:00:00Z", people: ["alice", "bob"], shifts: 3 };

const fetchWithPayment = wrapFetchWithPaymentFromConfig(fetch, {
  schemes: [{ network: "eip155:*", client: new ExactEvmScheme(privateKeyToAccount(key)) }],
});
const response = await fetchWithPayment(`${url}/v1/scheduling/oncall-rotation`, {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(order),
});
const receipt = response.headers.get("PAYMENT-RESPONSE");
if (!response.ok || receipt === null) {
  throw new Error(`${response.status}: ${await response.text()}`);
}
const bought = { answer: await response.json(), receipt: decodePaymentResponseHeader(receipt) };
console.log(JSON.stringify(bought, null, 2));
