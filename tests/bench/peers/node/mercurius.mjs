// Mercurius with every operation compiled at its second call.
import fastify from "fastify";
import mercurius from "mercurius";
import { context, schema } from "./schema.mjs";

const app = fastify();
app.register(mercurius, { schema, context, jit: 1, graphiql: false });
await app.listen({ host: "127.0.0.1", port: Number(process.env.PORT) });
