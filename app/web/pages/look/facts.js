// Names and values, one under the other. What is not known is left out.
import { make } from "../elements.js";

export function facts(entries) {
  const known = entries.filter(([, value]) => value != null && value !== "");
  return make("dl", {}, ...known.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}
