// Holds a running service against the public validators, and prints all that they find as JSON.
// node validate.mjs ADDRESS PATH …
import {
  checkL2ForOpenAPI,
  checkL4ForOpenAPI,
  discoverOriginSchema,
  getL3ForOpenAPI,
  getL3ForProbe,
  getOpenAPI,
  getProbe,
  getWarningsForFavicon,
  getWarningsForL2,
  getWarningsForL3,
  getWarningsForL4,
  getWarningsForLegacyWellKnown,
  getWarningsForOpenAPI,
  probeLegacyWellKnown,
  scrapeFavicon,
  validatePaymentRequiredDetailed,
} from "@agentcash/discovery";
import {
  extractDiscoveryInfo,
  sanitizeResourceServiceMetadata,
  validateAndExtract,
  validateDiscoveryExtension,
  validateDiscoveryExtensionSpec,
} from "@x402/extensions/bazaar";

const [address, ...paths] = process.argv.slice(2);

const document = (await getOpenAPI(address)).unwrapOr(null);
const routes = checkL2ForOpenAPI(document);
const found = await discoverOriginSchema({ target: address });
const legacy = (await probeLegacyWellKnown(address)).unwrapOr(null);
const page = await fetch(address, { headers: { Accept: "text/html" } });
const html = await page.text();
const metadata = {
  title: /<title>(.*?)<\/title>/s.exec(html)?.[1],
  description: /name="description" content="(.*?)"/.exec(html)?.[1],
  favicon: await scrapeFavicon(address),
  ogImages: [...html.matchAll(/property="og:image" content="(.*?)"/g)].map((match) => match[1]),
};

const products = {};
for (const path of paths) {
  const probe = (await getProbe(address + path)).unwrapOr([]);
  const answered = getL3ForProbe(probe, path, "POST", document);
  const terms = answered?.paymentRequiredBody;
  const extension = terms?.extensions?.bazaar;
  const payment = { x402Version: 2, resource: terms?.resource, accepted: terms?.accepts?.[0], payload: {}, extensions: terms?.extensions };
  products[path] = {
    issues: [
      ...getWarningsForL3(getL3ForOpenAPI(document, path, "POST")),
      ...getWarningsForL3(answered),
    ],
    terms: validatePaymentRequiredDetailed(terms, { metadata }),
    bazaar: [
      validateDiscoveryExtension(extension),
      validateDiscoveryExtensionSpec(extension),
      validateAndExtract(extension),
    ],
    extracted: extractDiscoveryInfo(payment, payment.accepted),
    metadata: sanitizeResourceServiceMetadata(terms?.resource),
  };
}

console.log(
  JSON.stringify({
    issues: [
      ...getWarningsForOpenAPI(document),
      ...getWarningsForL2(routes),
      ...getWarningsForL4(checkL4ForOpenAPI(document)),
      ...(await getWarningsForFavicon(address)).unwrapOr(["favicon"]),
      ...getWarningsForLegacyWellKnown(legacy),
    ],
    found,
    products,
  }),
);
