// How the hand-written peers read: prepared statements with the selected columns only, one per field and level.
import DataLoader from "dataloader";
import pg from "pg";

pg.types.setTypeParser(pg.types.builtins.INT8, Number);
pg.types.setTypeParser(pg.types.builtins.TIMESTAMPTZ, (text) => text.replace(" ", "T") + ":00");

const pool = new pg.Pool({ max: 10 }); // as many as our own server has
const names = new Map();

async function rowsOf(text, values) {
  let name = names.get(text);
  if (name === undefined) names.set(text, (name = `s${names.size}`));
  return (await pool.query({ name, text, values })).rows;
}

export const TABLES = {
  User: { table: "users", columns: { username: "username" } },
  Dataset: {
    table: "datasets",
    columns: {
      name: "name",
      sourceImagery: "source_imagery",
      status: "status",
      offset: '"offset"',
      createdAt: "created_at",
      lastModified: "last_modified",
      user: "user_id",
    },
  },
  AOI: {
    table: "aois",
    columns: { labelStatus: "label_status", createdAt: "created_at", user: "user_id", dataset: "dataset_id" },
  },
  Label: {
    table: "labels",
    columns: {
      geom: "ST_AsGeoJSON(geom, 7)::json",
      origin: "origin",
      osmId: "osm_id",
      tags: "tags",
      createdAt: "created_at",
      aoi: "aoi_id",
    },
  },
  Model: { table: "models", columns: { name: "name", createdAt: "created_at", user: "user_id" } },
  Training: { table: "trainings", columns: { status: "status", createdAt: "created_at", user: "user_id" } },
};

const columnsOf = new WeakMap(); // by the field's node in the document, which is parsed once

function columns(info, type) {
  const node = info.fieldNodes[0];
  let text = columnsOf.get(node);
  if (text === undefined) {
    const named = new Set();
    collect(node.selectionSet, info.fragments, named);
    const known = TABLES[type].columns;
    const chosen = [...named].filter((field) => field in known).map((field) => `${known[field]} AS "${field}"`);
    columnsOf.set(node, (text = ["id AS key", ...chosen].join(", ")));
  }
  return text;
}

function collect(selectionSet, fragments, named) {
  for (const found of selectionSet.selections) {
    if (found.kind === "Field") {
      const field = found.name.value;
      if (field === "nodes" || field === "edges" || field === "node") collect(found.selectionSet, fragments, named);
      else named.add(field);
    } else if (found.kind === "FragmentSpread") collect(fragments[found.name.value].selectionSet, fragments, named);
    else collect(found.selectionSet, fragments, named);
  }
}

// One loader for each field of the document: all its parents are asked for together.
function loader(context, of, batch) {
  let found = context.loaders.get(of);
  if (found === undefined) context.loaders.set(of, (found = new DataLoader(batch)));
  return found;
}

export function one(context, info, type, key) {
  const load = async (keys) => {
    const text = `SELECT ${columns(info, type)} FROM ${TABLES[type].table} WHERE id = ANY($1::bigint[])`;
    const rows = new Map((await rowsOf(text, [keys])).map((row) => [row.key, row]));
    return keys.map((each) => rows.get(each) ?? null);
  };
  return loader(context, info.fieldNodes[0], load).load(key);
}

export function byId(info, type, key) {
  const text = `SELECT ${columns(info, type)} FROM ${TABLES[type].table} WHERE id = $1`;
  return rowsOf(text, [key]).then((rows) => rows[0] ?? null);
}

export async function page(info, type, first) {
  const text = `SELECT ${columns(info, type)} FROM ${TABLES[type].table} ORDER BY id DESC LIMIT $1`;
  return cut(await rowsOf(text, [first + 1]), first);
}

export function pages(context, info, type, parent, key, first) {
  const { table } = TABLES[type];
  const load = async (keys) => {
    const text = `SELECT parents.id AS parent, page.* FROM unnest($1::bigint[]) AS parents(id) CROSS JOIN LATERAL
      (SELECT ${columns(info, type)} FROM ${table} WHERE ${parent} = parents.id ORDER BY ${table}.id DESC LIMIT $2) AS page`;
    const groups = new Map(keys.map((each) => [each, []]));
    for (const row of await rowsOf(text, [keys, first + 1])) groups.get(row.parent).push(row);
    return keys.map((each) => {
      const found = cut(groups.get(each), first);
      found.count = (of) => count(context, of, table, parent, each);
      return found;
    });
  };
  return loader(context, info.fieldNodes[0], load).load(key);
}

function count(context, info, table, parent, key) {
  const load = async (keys) => {
    const text = `SELECT ${parent} AS parent, count(*) FROM ${table} WHERE ${parent} = ANY($1::bigint[]) GROUP BY 1`;
    const counts = new Map((await rowsOf(text, [keys])).map((row) => [row.parent, row.count]));
    return keys.map((each) => counts.get(each) ?? 0);
  };
  return loader(context, info.fieldNodes[0], load).load(key);
}

// One row more than asked for says whether there is a next page.
function cut(rows, first) {
  const hasNextPage = rows.length > first;
  if (hasNextPage) rows.length = first;
  return { rows, hasNextPage };
}
