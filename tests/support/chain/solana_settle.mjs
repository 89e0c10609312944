// The official TypeScript client signs a payment on Solana; the official facilitator settles it.
//
// Reads {url, accepts, payer, facilitator?} from standard input: the node, the terms, and the keys
// as 64 bytes each. Without a facilitator the payment is only signed. Writes JSON: the payment,
// what the facilitator said of it, and of the same payment again, and the milliseconds that took.
import { createKeyPairSignerFromBytes } from "@solana/kit";
import { toFacilitatorSvmSigner } from "@x402/svm";
import { ExactSvmScheme as Client } from "@x402/svm/exact/client";
import { ExactSvmScheme as Facilitator } from "@x402/svm/exact/facilitator";
import { text } from "node:stream/consumers";

const asked = JSON.parse(await text(process.stdin));
const key = (bytes) => createKeyPairSignerFromBytes(new Uint8Array(bytes));
const milliseconds = {};

async function timed(name, step) {
  const started = performance.now();
  const result = await step();
  milliseconds[name] = Math.round(performance.now() - started);
  return result;
}

const client = new Client(await key(asked.payer), { rpcUrl: asked.url });
const signed = await timed("sign", () => client.createPaymentPayload(2, asked.accepts));
const payment = { ...signed, accepted: asked.accepts };
const told = { payment, milliseconds };

if (asked.facilitator) {
  const signer = toFacilitatorSvmSigner(await key(asked.facilitator), { defaultRpcUrl: asked.url });
  const facilitator = new Facilitator(signer);
  told.verified = await timed("verify", () => facilitator.verify(payment, asked.accepts));
  told.settled = await timed("settle", () => facilitator.settle(payment, asked.accepts));
  told.again = await timed("again", () => facilitator.settle(payment, asked.accepts));
}
console.log(JSON.stringify(told));
