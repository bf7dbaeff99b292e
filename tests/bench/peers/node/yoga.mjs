// GraphQL Yoga with graphql-jit; parsed and validated documents are cached by default.
import { createServer } from "node:http";
import { useGraphQlJit } from "@envelop/graphql-jit";
import { createYoga } from "graphql-yoga";
import { context, schema } from "./schema.mjs";

const yoga = createYoga({
  schema,
  context,
  plugins: [useGraphQlJit()],
  graphiql: false,
  landingPage: false,
  logging: false,
  multipart: false,
  cors: false,
});
createServer(yoga).listen(Number(process.env.PORT), "127.0.0.1");
