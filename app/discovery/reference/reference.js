// The API reference, drawn by the vendored viewer from what the service says of itself.
"use strict";

if (matchMedia("(prefers-color-scheme: dark)").matches) {
  document.documentElement.classList.add("dark-mode");
}
SwaggerUIBundle({
  url: "/openapi.full.json",
  dom_id: "#reference",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  showExtensions: true, // what an operation costs is one
  validatorUrl: null, // asks nobody else
});
