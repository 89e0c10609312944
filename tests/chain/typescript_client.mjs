// A caller who pays with the official TypeScript client, as its documentation shows it.
//
// Usage: PAYER_KEY=0x… node typescript_client.mjs URL < body; prints the answer as one JSON document.

import { text } from "node:stream/consumers";

import { ExactEvmScheme } from "@x402/evm";
import { decodePaymentResponseHeader, wrapFetchWithPaymentFromConfig } from "@x402/fetch";
import { privateKeyToAccount } from "viem/accounts";

const fetchWithPayment = wrapFetchWithPaymentFromConfig(fetch, {
  schemes: [
    { network: "eip155:*", client: new ExactEvmScheme(privateKeyToAccount(process.env.PAYER_KEY)) },
  ],
});

const answer = await fetchWithPayment(process.argv[2], {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: await text(process.stdin),
});
const receipt = answer.headers.get("PAYMENT-RESPONSE");
const document = {
  status: answer.status,
  body: await answer.json(),
  receipt: receipt && decodePaymentResponseHeader(receipt),
};
process.stdout.write(JSON.stringify(document));
