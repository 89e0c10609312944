// Express behind the official @x402/express, as its README has it. The handler sends recorded bytes.
// With Redis, express-rate-limit counts each client before anything else.
import express from "express";
import { rateLimit } from "express-rate-limit";
import { paymentMiddleware } from "@x402/express";
import { answer, isNew, limits, path, port, routes, server } from "./sold.mjs";

const app = express();
app.set("trust proxy", "loopback");
const limited = limits("express:");
if (limited) app.use(rateLimit({ ...limited, standardHeaders: "draft-8", legacyHeaders: false }));
app.use(paymentMiddleware(routes, server));
app.post(path, async (request, response) => {
  if (!(await isNew(request.get("PAYMENT-SIGNATURE")))) return response.sendStatus(409);
  response.type("application/json").send(answer);
});
app.listen(port, "127.0.0.1");
