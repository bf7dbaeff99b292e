// A map on a canvas: land, tiles of imagery, our vector tiles, and shapes of one's own. Drag, pinch, wheel or keys move it.
import { headers } from "./graphql.js";
import { shapes } from "./vector_tiles.js";

const TILE = 256;
const ZOOM_MAX = 21;
const DOT_PX = 4;
const TILES_MAX = 512;
const PAUSE_MS = 120;
const STEP_PX = 80;
const LAND = new URL("land.json", import.meta.url);
const TILES = new URL("../tiles/", import.meta.url);

// Longitude and latitude in degrees to shares of the world's side, and back.
export const project = ([longitude, latitude]) => {
  const sine = Math.sin((latitude * Math.PI) / 180);
  return [longitude / 360 + 0.5, 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI)];
};

export class FieldMap {
  // layers: [{ name, color }] of vector tiles; imagery: (z, x, y) => URL or null, which exists up to a zoom.
  constructor(canvas, { layers = [], imagery = null, imageryZoomMax = ZOOM_MAX, onpick = () => {} } = {}) {
    Object.assign(this, { canvas, layers, imagery, imageryZoomMax, onpick });
    this.center = [0.5, 0.4];
    this.zoom = 1;
    this.tiles = new Map();
    this.areas = [];
    this.land = [];
    this.style = getComputedStyle(canvas);
    new ResizeObserver(() => this.draw()).observe(canvas);
    this.#listen();
    this.#loadLand();
  }

  // Shapes of one's own: [{ rings: GeoJSON coordinates of a polygon, fill, stroke }].
  show(areas) {
    this.areas = areas.map((area) => ({ ...area, lines: area.rings.map((ring) => ring.map(project)) }));
    this.draw();
  }

  // Move to these bounds: [west, south, east, north] as shares of the world's side.
  fit([left, top, right, bottom], zoomMax = ZOOM_MAX) {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const side = Math.max((right - left) / width, (bottom - top) / height, 2 ** -ZOOM_MAX / TILE) * 1.15;
    this.center = [(left + right) / 2, (top + bottom) / 2];
    this.zoom = clamp(Math.log2(1 / side / TILE), 0, zoomMax);
    this.draw();
  }

  zoomBy(levels, [x, y] = [this.canvas.clientWidth / 2, this.canvas.clientHeight / 2]) {
    const before = this.#world([x, y]);
    this.zoom = clamp(this.zoom + levels, 0, ZOOM_MAX);
    const after = this.#world([x, y]);
    this.center = this.center.map((part, index) => part + before[index] - after[index]);
    this.draw();
  }

  moveBy(x, y) {
    this.center = [this.center[0] + x / this.#side, clamp(this.center[1] + y / this.#side, 0, 1)];
    this.draw();
  }

  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.#draw());
  }

  // All shapes of a layer's tile of the whole world, to know where there is something.
  async bounds() {
    const found = await Promise.all(this.layers.map(({ name }) => load(name, 0, 0, 0)));
    const points = found.flat().flatMap(({ lines }) => lines.flat());
    if (!points.length) return null;
    const [xs, ys] = [0, 1].map((part) => points.map((point) => point[part]));
    return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
  }

  get #side() {
    return TILE * 2 ** this.zoom;
  }

  #screen([x, y]) {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    return [(x - this.center[0]) * this.#side + width / 2, (y - this.center[1]) * this.#side + height / 2];
  }

  #world([x, y]) {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    return [(x - width / 2) / this.#side + this.center[0], (y - height / 2) / this.#side + this.center[1]];
  }

  #draw() {
    const { canvas } = this;
    const ratio = devicePixelRatio || 1;
    [canvas.width, canvas.height] = [canvas.clientWidth * ratio, canvas.clientHeight * ratio];
    this.pen = canvas.getContext("2d");
    this.pen.scale(ratio, ratio);
    this.#drawAreas([{ lines: this.land, fill: this.#color("--land") }]);
    if (this.imagery) for (const tile of this.#shown(this.imageryZoomMax)) this.#drawImagery(tile);
    for (const layer of this.layers) for (const tile of this.#shown()) this.#drawTile(layer, tile);
    this.#drawAreas(this.areas);
  }

  // The tiles in view, as [z, x, y].
  #shown(zoomMax = ZOOM_MAX) {
    const z = clamp(Math.floor(this.zoom + 0.5), 0, zoomMax);
    const [left, top] = this.#world([0, 0]).map((part) => Math.floor(part * 2 ** z));
    const [right, bottom] = this.#world([this.canvas.clientWidth, this.canvas.clientHeight]).map((part) => Math.floor(part * 2 ** z));
    const found = [];
    for (let x = Math.max(left, 0); x <= Math.min(right, 2 ** z - 1); x += 1)
      for (let y = Math.max(top, 0); y <= Math.min(bottom, 2 ** z - 1); y += 1) found.push([z, x, y]);
    return found;
  }

  #drawImagery([z, x, y]) {
    const url = this.imagery(z, x, y);
    const picture = url && this.#tile(url, () => loadPicture(url));
    if (!picture) return;
    const [left, top] = this.#screen([x / 2 ** z, y / 2 ** z]);
    const side = this.#side / 2 ** z;
    this.pen.drawImage(picture, left, top, side + 0.5, side + 0.5);
  }

  #drawTile({ name, color }, [z, x, y]) {
    const found = this.#tile(`${name}/${z}/${x}/${y}`, () => load(name, z, x, y));
    if (!found) return;
    const place = ([across, down]) => [(x + across) / 2 ** z, (y + down) / 2 ** z];
    this.#drawAreas(found.map(({ isArea, lines }) => ({ isPoint: !isArea, lines: lines.map((line) => line.map(place)), fill: this.#color(color, 0.25), stroke: this.#color(color) })));
  }

  #drawAreas(areas) {
    for (const { lines, fill, stroke, width = 1.5, isPoint } of areas) {
      const drawn = lines.map((line) => line.map((point) => this.#screen(point)));
      if (isPoint || (stroke && isTiny(drawn))) {
        for (const [point] of drawn) this.#drawDot(point, stroke);
        continue;
      }
      this.pen.beginPath();
      for (const line of drawn) {
        line.forEach((point, index) => (index ? this.pen.lineTo(...point) : this.pen.moveTo(...point)));
        this.pen.closePath();
      }
      if (fill) this.pen.fillStyle = fill;
      if (fill) this.pen.fill("evenodd");
      if (stroke) Object.assign(this.pen, { strokeStyle: stroke, lineWidth: width });
      if (stroke) this.pen.stroke();
    }
  }

  #drawDot([x, y], color) {
    this.pen.beginPath();
    this.pen.arc(x, y, DOT_PX, 0, 2 * Math.PI);
    this.pen.fillStyle = color;
    this.pen.fill();
  }

  // What a tile holds, or nothing yet: it is loaded once the map rests, and drawn then.
  #tile(key, get) {
    if (this.tiles.has(key)) return this.tiles.get(key);
    this.wanted ??= new Map();
    this.wanted.set(key, get);
    clearTimeout(this.pause);
    this.pause = setTimeout(() => this.#load(), PAUSE_MS);
    return null;
  }

  #load() {
    const wanted = this.wanted;
    this.wanted = null;
    for (const key of [...this.tiles.keys()].slice(0, Math.max(0, this.tiles.size - TILES_MAX))) this.tiles.delete(key);
    for (const [key, get] of wanted) {
      this.tiles.set(key, null);
      get().then((content) => {
        this.tiles.set(key, content);
        this.draw();
      });
    }
  }

  async #loadLand() {
    const rings = await (await fetch(LAND)).json();
    this.land = rings.map((ring) => pairs(ring).map(([x, y]) => project([x / 10, clamp(y / 10, -85, 85)])));
    this.draw();
  }

  #color(name, opacity = 1) {
    const color = this.style.getPropertyValue(name).trim();
    return opacity === 1 ? color : color.replace(")", ` / ${opacity})`);
  }

  #listen() {
    const { canvas } = this;
    const held = new Map();
    let moved = false;
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      held.set(event.pointerId, at(event));
      moved = false;
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!held.has(event.pointerId)) return;
      const [before, now] = [held.get(event.pointerId), at(event)];
      const others = [...held].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
      held.set(event.pointerId, now);
      moved ||= distance(before, now) > 2;
      if (others.length) this.zoomBy(Math.log2(distance(now, others[0]) / distance(before, others[0])), others[0]);
      else this.moveBy(before[0] - now[0], before[1] - now[1]);
    });
    canvas.addEventListener("pointerup", (event) => {
      held.delete(event.pointerId);
      if (!moved) this.onpick(this.#world(at(event)));
    });
    canvas.addEventListener("pointercancel", (event) => held.delete(event.pointerId));
    canvas.addEventListener("dblclick", (event) => this.zoomBy(1, at(event)));
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    canvas.addEventListener("keydown", (event) => this.#key(event));
  }

  #wheel(event) {
    event.preventDefault();
    this.zoomBy(clamp(-event.deltaY / 200, -1, 1), at(event));
  }

  #key(event) {
    const moves = { ArrowLeft: [-STEP_PX, 0], ArrowRight: [STEP_PX, 0], ArrowUp: [0, -STEP_PX], ArrowDown: [0, STEP_PX] };
    const zooms = { "+": 1, "=": 1, "-": -1 };
    if (moves[event.key]) this.moveBy(...moves[event.key]);
    else if (zooms[event.key]) this.zoomBy(zooms[event.key]);
    else return;
    event.preventDefault();
  }
}

const clamp = (value, least, most) => Math.min(most, Math.max(least, value));
const at = (event) => [event.offsetX, event.offsetY];
const distance = ([x1, y1], [x2, y2]) => Math.max(1, Math.hypot(x1 - x2, y1 - y2));
const pairs = (flat) => Array.from({ length: flat.length / 2 }, (_, index) => flat.slice(2 * index, 2 * index + 2));

function isTiny(lines) {
  const points = lines.flat();
  return [0, 1].every((part) => {
    const values = points.map((point) => point[part]);
    return Math.max(...values) - Math.min(...values) < 2 * DOT_PX;
  });
}

async function load(name, z, x, y) {
  const reply = await fetch(new URL(`${name}/${z}/${x}/${y}.mvt`, TILES), { headers: headers() });
  return reply.status === 200 ? shapes(await reply.arrayBuffer()) : [];
}

// A picture, or null if there is none.
function loadPicture(url) {
  const picture = new Image();
  picture.referrerPolicy = "no-referrer";
  picture.src = url;
  return picture.decode().then(() => picture, () => null);
}
