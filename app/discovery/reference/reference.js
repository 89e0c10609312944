// The API reference, drawn by the vendored viewer from what the service says of itself.
"use strict";

if (matchMedia("(prefers-color-scheme: dark)").matches) {
  document.documentElement.classList.add("dark-mode");
}
SwaggerUIBundle({
  url: "/openapi.full.json",
  dom_id: "#reference",
  deepLinking: true,
  defaultModelsExpandDepth: -1, // each operation shows its own
  showExtensions: true, // what an operation costs is one
  validatorUrl: null, // asks nobody else
  responseInterceptor(response) {
    // The terms are what was asked for without a payment: no error, and not to be shown as one.
    if (response.status === 402) response.ok = true;
    return response;
  },
});
