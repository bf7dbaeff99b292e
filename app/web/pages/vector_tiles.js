// Reads Mapbox Vector Tiles (version 2) as far as a map needs them: the shapes of all layers.
const [LAYER, FEATURE, TYPE, GEOMETRY, EXTENT] = [3, 2, 3, 4, 5];
const [VARINT, FIXED64, BYTES] = [0, 1, 2];
const CLOSE = 7;
const EXTENT_DEFAULT = 4096;

// Features as { isArea, lines }; lines are lists of [x, y], in shares of the tile's side.
export function shapes(buffer) {
  const layers = [...fields(new Uint8Array(buffer))].filter(([number]) => number === LAYER);
  return layers.flatMap(([, bytes]) => layer(bytes));
}

function layer(bytes) {
  const all = [...fields(bytes)];
  const extent = all.find(([number]) => number === EXTENT)?.[1] ?? EXTENT_DEFAULT;
  return all.filter(([number]) => number === FEATURE).map(([, feature]) => shape(feature, extent));
}

function shape(bytes, extent) {
  const all = Object.fromEntries(fields(bytes));
  return { isArea: all[TYPE] === 3, lines: lines(all[GEOMETRY] ?? new Uint8Array(), extent) };
}

function lines(bytes, extent) {
  const reader = { bytes, at: 0 };
  const found = [];
  let [x, y] = [0, 0];
  while (reader.at < bytes.length) {
    const command = varint(reader);
    const [kind, count] = [command & 7, command >> 3];
    if (kind === CLOSE) continue;
    for (let index = 0; index < count; index += 1) {
      x += zigzag(varint(reader));
      y += zigzag(varint(reader));
      if (kind === 1) found.push([]);
      found.at(-1).push([x / extent, y / extent]);
    }
  }
  return found;
}

const zigzag = (value) => (value >> 1) ^ -(value & 1);

// The fields of a message: numbers, and the bytes of what is longer.
function* fields(bytes) {
  const reader = { bytes, at: 0 };
  while (reader.at < bytes.length) {
    const tag = varint(reader);
    const kind = tag & 7;
    if (kind === VARINT) {
      yield [tag >> 3, varint(reader)];
    } else {
      const length = kind === BYTES ? varint(reader) : kind === FIXED64 ? 8 : 4;
      yield [tag >> 3, bytes.subarray(reader.at, (reader.at += length))];
    }
  }
}

// 32 bits of a number are enough here; what is longer is only read over.
function varint(reader) {
  let [value, shift, byte] = [0, 0, 0];
  do {
    byte = reader.bytes[reader.at++];
    if (shift < 32) value |= (byte & 127) << shift;
    shift += 7;
  } while (byte > 127);
  return value >>> 0;
}
