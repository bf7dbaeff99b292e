// A prediction over its imagery: each outline can be accepted or rejected, by keyboard, too.
import { make, word } from "../elements.js";
import { act, ask } from "../graphql.js";
import { FieldMap, project } from "../map.js";
import { facts } from "./facts.js";

const PAGE = 500;
const FEATURES_MAX = 10_000;
const PREDICTION = `query ($id: ID!) { prediction(id: $id) {
  description status failure geom config resultCount user { username }
  training { id sourceImagery model { name } }
} }`;
const FEATURES = `query ($id: ID!, $after: String) { prediction(id: $id) {
  features(first: ${PAGE}, after: $after, orderBy: OLDEST) {
    nodes { id geom confidence areaM2 verdict }
    pageInfo { hasNextPage endCursor }
  }
} }`;
const JUDGE = `mutation ($input: JudgeFeaturesInput!) { judgeFeatures(input: $input) {
  __typename ... on Problem { message }
} }`;
const COLORS = { ACCEPTED: "hsl(140 80% 45%)", REJECTED: "hsl(0 85% 60%)", null: "hsl(50 100% 50%)" };
const AHEAD = 2; // levels closer than the whole outline, when one is chosen
const TMS = /\{-y\}/;

export async function showPrediction(id, page) {
  const { prediction } = await ask(PREDICTION, { id });
  page.title(prediction.description || `A prediction of ${prediction.training.model.name}`);
  const viewer = new Viewer(id, prediction, page);
  await viewer.load();
}

class Viewer {
  constructor(id, prediction, page) {
    Object.assign(this, { id, prediction, page, features: [], index: -1 });
    this.about = make("div");
    const canvas = make("canvas", { tabIndex: 0, ariaLabel: "Map of the prediction" });
    page.view.replaceChildren(make("div", { className: "map" }, canvas), this.#buttons(), this.about);
    this.map = new FieldMap(canvas, {
      imagery: imagery(prediction.training.sourceImagery),
      imageryZoomMax: prediction.config.zoom_level ?? undefined,
      onpick: (point) => this.#pick(point),
    });
    this.map.fit(boundsOf(rings(prediction.geom)));
    addEventListener("keydown", (event) => this.#key(event));
    this.#show();
  }

  // All features, page by page; the map fills meanwhile.
  async load() {
    let after = null;
    do {
      const { prediction } = await ask(FEATURES, { id: this.id, after });
      const { nodes, pageInfo } = prediction.features;
      this.features.push(...nodes.map((node) => ({ ...node, rings: rings(node.geom) })));
      after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
      this.#show();
    } while (after && this.features.length < FEATURES_MAX);
    this.page.say(this.#summary());
  }

  get chosen() {
    return this.features[this.index];
  }

  async judge(verdict) {
    const feature = this.chosen;
    if (!feature || feature.verdict === verdict) return;
    const before = feature.verdict;
    feature.verdict = verdict;
    this.#show();
    try {
      await act(JUDGE, { input: { predictionId: this.id, featureIds: [feature.id], verdict } });
      this.page.say(this.#summary());
    } catch (error) {
      feature.verdict = before;
      this.page.say(error.message);
      this.#show();
    }
  }

  choose(index) {
    if (!this.features.length) return;
    this.index = (index + this.features.length) % this.features.length;
    const bounds = boundsOf(this.chosen.rings);
    this.map.fit(bounds, (this.prediction.config.zoom_level ?? 19) + AHEAD);
    this.#show();
  }

  #buttons() {
    const button = (key, text, onclick) => make("button", { onclick }, `${text} `, make("kbd", {}, key));
    return make(
      "p",
      { className: "keys" },
      button("K", "Previous", () => this.choose(this.index - 1)),
      button("J", "Next", () => this.choose(this.index + 1)),
      button("A", "Accept", () => this.judge("ACCEPTED")),
      button("R", "Reject", () => this.judge("REJECTED")),
      button("U", "Undo", () => this.judge(null)),
    );
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const actions = {
      j: () => this.choose(this.index + 1),
      k: () => this.choose(this.index - 1),
      a: () => this.judge("ACCEPTED"),
      r: () => this.judge("REJECTED"),
      u: () => this.judge(null),
    };
    actions[event.key.toLowerCase()]?.();
  }

  #pick(point) {
    const index = this.features.findIndex((feature) => contains(feature.rings[0].map(project), point));
    if (index < 0) return;
    this.index = index;
    this.#show();
  }

  #show() {
    const ground = { rings: rings(this.prediction.geom), stroke: "white", width: 1 };
    const shapes = this.features.map((feature, index) => ({
      rings: feature.rings,
      stroke: COLORS[feature.verdict],
      width: index === this.index ? 4 : 1.5,
    }));
    this.map.show([ground, ...shapes]);
    const { training, user } = this.prediction;
    const feature = this.chosen;
    this.about.replaceChildren(
      facts([
        ["Model", make("a", { href: training.id, textContent: training.model.name })],
        ["Started by", user?.username],
        ["Chosen", feature ? `${this.index + 1} of ${this.features.length}` : "none: press J"],
        ["Confidence", feature ? `${Math.round(100 * feature.confidence)} %` : null],
        ["Area", feature ? `${feature.areaM2.toFixed(0)} m²` : null],
        ["Verdict", feature ? (feature.verdict?.toLowerCase() ?? "open") : null],
      ]),
    );
  }

  #summary() {
    const { status, failure, resultCount } = this.prediction;
    if (failure) return failure;
    const count = (verdict) => this.features.filter((feature) => feature.verdict === verdict).length;
    const shown = this.features.length < (resultCount ?? 0) ? `, the first ${this.features.length} shown` : "";
    return `${word(status)}: ${resultCount ?? this.features.length} features${shown}; ${count("ACCEPTED")} accepted, ${count("REJECTED")} rejected.`;
  }
}

// The usual templates of imagery; of others the outlines are shown without ground.
function imagery(template) {
  if (!/\{z\}/.test(template) || !/\{x\}/.test(template) || !/\{-?y\}/.test(template)) return null;
  return (z, x, y) => {
    const row = TMS.test(template) ? 2 ** z - 1 - y : y;
    return template.replace("{z}", z).replace("{x}", x).replace(/\{-?y\}/, row);
  };
}

const rings = ({ type, coordinates }) => (type === "Polygon" ? coordinates : coordinates.flat());

function boundsOf(lines) {
  const points = lines.flat().map(project);
  const [xs, ys] = [0, 1].map((part) => points.map((point) => point[part]));
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

// Whether a point lies in a ring: how often a ray from it crosses the ring.
function contains(ring, [x, y]) {
  return ring.reduce((inside, [x1, y1], index) => {
    const [x2, y2] = ring[(index + 1) % ring.length];
    return y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1 ? !inside : inside;
  }, false);
}
