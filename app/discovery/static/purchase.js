// A purchase: ask (402), sign in the sandbox, ask again (200).

const JSON_TYPE = "application/json";

/** What the service says against a document. */
export class Refused extends Error {
  constructor(problem) {
    super(problem.detail ?? problem.error);
    this.problem = problem;
  }
}

/** Buy the answer to ``content`` in a media type. ``step`` is told what happens. */
export async function bought({ action, pay }, content, type, what, step) {
  let response = await post(action, content, type);
  if (response.status === 402 && pay) {
    const terms = await response.text();
    step("402", `The terms of ${what}, free of charge.`);
    const signed = await post(pay, terms, JSON_TYPE);
    if (!signed.ok) throw new Refused(await signed.json());
    const payment = await signed.json();
    step("signed", `${payment.terms}; wallet ${payment.payer}, made for this.`);
    response = await post(action, content, type, payment.paymentSignature);
  }
  if (!response.ok) throw new Refused(await response.json());
  const receipt = response.headers.get("PAYMENT-RESPONSE");
  const settled = receipt ? `, settled in transaction ${JSON.parse(atob(receipt)).transaction}` : "";
  step("200", `${what[0].toUpperCase()}${what.slice(1)} (${type})${settled}.`);
  return response;
}

/** The same request as commands of curl. */
export function asCurl({ url, payUrl }, content) {
  const quoted = `'${content.replaceAll("'", "'\\''")}'`;
  const ask = 'curl -s $URL -H "$JSON"';
  const lines = [`${ask} -d "$ORDER"`];
  if (payUrl) {
    lines.push(`  curl -s ${payUrl} -H "$JSON" -H 'Accept: text/plain' -d @-`);
    lines.push(`  ${ask} -H @- -d "$ORDER"`);
  }
  return `URL=${url}\nJSON='Content-Type: ${JSON_TYPE}'\nORDER=${quoted}\n\n${lines.join(" |\n")}\n`;
}

function post(path, content, accept, payment) {
  const headers = { "Content-Type": JSON_TYPE, Accept: accept };
  if (payment) headers["PAYMENT-SIGNATURE"] = payment;
  return fetch(path, { method: "POST", headers, body: content });
}
