// Express behind the official @x402/express, as its README has it. The handler sends recorded bytes.
import express from "express";
import { paymentMiddleware } from "@x402/express";
import { answer, path, port, routes, server } from "./sold.mjs";

const app = express();
app.use(paymentMiddleware(routes, server));
app.post(path, (_, response) => {
  response.type("application/json").send(answer);
});
app.listen(port, "127.0.0.1");
