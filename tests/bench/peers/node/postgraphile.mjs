// PostGraphile 5 with its usual preset and short names; shapes are read as GeoJSON.
import { createServer } from "node:http";
import { PgSimplifyInflectionPreset } from "@graphile/simplify-inflection";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { grafserv } from "postgraphile/grafserv/node";
import { sql } from "postgraphile/pg-sql2";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";

const geometry = {
  name: "geometry",
  sqlType: sql`geometry`,
  executor: null,
  attributes: undefined,
  toPg: JSON.stringify,
  fromPg: JSON.parse,
  castFromPg: (fragment) => sql`ST_AsGeoJSON(${fragment}, 7)`,
};

const GeoJsonPlugin = {
  name: "GeoJsonPlugin",
  version: "1.0.0",
  gather: {
    hooks: {
      pgCodecs_findPgCodec(_info, event) {
        if (!event.pgCodec && event.pgType.typname === "geometry") event.pgCodec = geometry;
      },
    },
  },
  schema: {
    hooks: {
      init(value, build) {
        build.registerScalarType("GeoJSON", { pgCodec: geometry }, () => ({ description: "A shape." }), "GeoJsonPlugin");
        build.setGraphQLTypeForPgCodec(geometry, "output", "GeoJSON");
        build.setGraphQLTypeForPgCodec(geometry, "input", "GeoJSON");
        return value;
      },
    },
  },
};

const server = createServer();
const instance = postgraphile({
  extends: [PostGraphileAmberPreset, PgSimplifyInflectionPreset],
  plugins: [GeoJsonPlugin],
  disablePlugins: ["PgMutationCreatePlugin", "PgMutationUpdateDeletePlugin"],
  pgServices: [makePgService({ schemas: ["public"], poolConfig: { max: 10 } })],
  grafserv: { graphqlOverGET: true, graphiql: false, watch: false },
  grafast: { explain: false },
});
await instance.createServ(grafserv).addTo(server);
server.listen(Number(process.env.PORT), "127.0.0.1");
