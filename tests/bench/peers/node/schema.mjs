// Our schema, as far as the queries reach, for the peers whose resolvers are written by hand.
import { createSchema } from "graphql-yoga";
import { byId, one, page, pages, TABLES } from "./rows.mjs";

const connection = (type) => `
  type ${type}Connection { edges: [${type}Edge!]! nodes: [${type}!]! pageInfo: PageInfo! totalCount: Int! }
  type ${type}Edge { cursor: String! node: ${type}! }`;

const typeDefs = `
  scalar BigInt
  scalar DateTime
  scalar GeoJSON
  scalar JSON
  enum DatasetStatus { DRAFT ACTIVE ARCHIVED }
  enum DownloadStatus { NOT_DOWNLOADED RUNNING DOWNLOADED }
  enum LabelOrigin { OSM UPLOAD DRAWN }
  enum TrainingStatus { SUBMITTED RUNNING FINISHED FAILED }
  type Query {
    dataset(id: ID!): Dataset
    datasets(first: Int! = 25): DatasetConnection!
    aoi(id: ID!): AOI
    models(first: Int! = 25): ModelConnection!
  }
  type User { id: ID! username: String! datasets(first: Int! = 25): DatasetConnection! }
  type Dataset {
    id: ID! name: String! sourceImagery: String status: DatasetStatus! offset: [Float!]!
    createdAt: DateTime! lastModified: DateTime! user: User aois(first: Int! = 25): AOIConnection!
  }
  type AOI {
    id: ID! labelStatus: DownloadStatus! createdAt: DateTime! labels(first: Int! = 25): LabelConnection!
  }
  type Label {
    id: ID! geom: GeoJSON! origin: LabelOrigin! osmId: BigInt tags: JSON createdAt: DateTime! aoi: AOI!
  }
  type Model {
    id: ID! name: String! createdAt: DateTime! user: User trainings(first: Int! = 25): TrainingConnection!
  }
  type Training { id: ID! status: TrainingStatus! createdAt: DateTime! user: User }
  type PageInfo { hasNextPage: Boolean! endCursor: String }
  ${["Dataset", "AOI", "Label", "Model", "Training"].map(connection).join("")}`;

// Four times as fast as a Buffer; ASCII needs none of the two letters in which base64 and base64url differ.
const opaque = (text) => btoa(text).replace(/=+$/, "");
const globalId = (type, key) => opaque(`${type}:${key}`);
const keyOf = (id) => Number(atob(id).split(":")[1]);
const cursor = (row) => opaque(`["NEWEST",${row.key}]`);
const last = (found) => (found.rows.length ? cursor(found.rows[found.rows.length - 1]) : null);

const to = (type, field) => (row, _arguments, context, info) =>
  row[field] === null ? null : one(context, info, type, row[field]);
const many = (type, parent) => (row, { first }, context, info) => pages(context, info, type, parent, row.key, first);

const resolvers = {
  Query: {
    dataset: (_root, { id }, _context, info) => byId(info, "Dataset", keyOf(id)),
    datasets: (_root, { first }, _context, info) => page(info, "Dataset", first),
    aoi: (_root, { id }, _context, info) => byId(info, "AOI", keyOf(id)),
    models: (_root, { first }, _context, info) => page(info, "Model", first),
  },
  User: { datasets: many("Dataset", "user_id") },
  Dataset: { user: to("User", "user"), aois: many("AOI", "dataset_id") },
  AOI: { labels: many("Label", "aoi_id") },
  Label: { aoi: to("AOI", "aoi") },
  Model: { user: to("User", "user"), trainings: many("Training", "model_id") },
  Training: { user: to("User", "user") },
};
for (const type of Object.keys(TABLES)) {
  resolvers[type].id = (row) => globalId(type, row.key);
  if (type === "User") continue;
  resolvers[`${type}Connection`] = {
    nodes: (found) => found.rows,
    edges: (found) => found.rows.map((row) => ({ cursor: cursor(row), node: row })),
    pageInfo: (found) => ({ hasNextPage: found.hasNextPage, endCursor: last(found) }),
    totalCount: (found, _arguments, _context, info) => found.count(info),
  };
}

export const schema = createSchema({ typeDefs, resolvers });
export const context = () => ({ loaders: new Map() });
