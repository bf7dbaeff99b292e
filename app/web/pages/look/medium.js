// A picture or video of a camera trap with the boxes and labels of a classification.
import { draw, make } from "../elements.js";
import { ask } from "../graphql.js";
import { facts } from "./facts.js";

const CLASSIFICATION = `id classificationType isApproved user { username } model { name }
  dynamicAttrs(first: 100) { nodes {
    id observationType rawLabel bboxes classificationConfidence species { scientificName vernacularName }
  } }`;
const RESOURCE = `query ($id: ID!) { resource(id: $id) {
  name resourceType mimeType recordedAt width height fps
  pictureLink(size: PREVIEW) originalLink
  deployment { deploymentCode } researchProject { name }
  classifications(first: 25) { nodes { ${CLASSIFICATION} } }
} }`;
const OF_CLASSIFICATION = "query ($id: ID!) { classification(id: $id) { resource { id } } }";
const FRAMES = `query ($id: ID!) { classification(id: $id) { frames {
  fps objects { attrsId frameIndex bbox }
} } }`;

export async function showClassification(id, page) {
  const { classification } = await ask(OF_CLASSIFICATION, { id });
  await showResource(classification.resource.id, page, id);
}

export async function showResource(id, page, chosen = null) {
  const { resource } = await ask(RESOURCE, { id });
  page.title(resource.name);
  const classifications = resource.classifications.nodes;
  const overlay = draw("svg", { preserveAspectRatio: "none" });
  const medium = mediumOf(resource);
  const picture = make("div", { className: "picture" }, medium, overlay);
  const labels = make("ul");
  const buttons = make("p", { className: "keys" });
  page.view.replaceChildren(picture, buttons, labels, facts(about(resource)));
  const choose = async (classification) => {
    const objects = await objectsOf(classification, resource.resourceType === "VIDEO");
    for (const button of buttons.children) button.ariaPressed = `${button.value === classification.id}`;
    labels.replaceChildren(...objects.map(({ label }) => make("li", {}, label)));
    follow(medium, overlay, objects, resource.fps);
    page.say(`${nameOf(classification)}: ${objects.length} ${objects.length === 1 ? "observation" : "observations"}`);
  };
  for (const each of classifications)
    buttons.append(make("button", { value: each.id, onclick: () => choose(each) }, nameOf(each)));
  const first = classifications.find((each) => each.id === chosen) ?? classifications.find((each) => each.isApproved);
  if (classifications.length) await choose(first ?? classifications[0]);
  else page.say("It is not classified yet.");
}

function mediumOf({ resourceType, originalLink, pictureLink, name }) {
  if (resourceType === "VIDEO" && originalLink) {
    return make("video", { src: originalLink, poster: pictureLink ?? "", controls: true, ariaLabel: name });
  }
  return pictureLink ? make("img", { src: pictureLink, alt: name }) : make("p", {}, "There is no picture that you may see.");
}

function nameOf({ classificationType, isApproved, user, model }) {
  const who = user?.username ?? model?.name;
  return `${classificationType.toLowerCase().replaceAll("_", " ")}${who ? ` (${who})` : ""}${isApproved ? " ✓" : ""}`;
}

// What a classification says there is: a label, and boxes as [frame, box].
async function objectsOf(classification, isVideo) {
  const frames = isVideo ? (await ask(FRAMES, { id: classification.id })).classification.frames : null;
  return classification.dynamicAttrs.nodes.map((each) => {
    const track = frames?.objects.find((object) => object.attrsId === each.id);
    const boxes = track ? track.frameIndex.map((frame, index) => [frame, track.bbox[index]]) : [[0, each.bboxes]];
    return { label: labelOf(each), boxes: boxes.filter(([, box]) => box), isTracked: Boolean(track) };
  });
}

function labelOf({ species, rawLabel, observationType, classificationConfidence }) {
  const name = species?.vernacularName ?? species?.scientificName ?? rawLabel ?? observationType.toLowerCase();
  return classificationConfidence == null ? name : `${name} ${Math.round(100 * classificationConfidence)} %`;
}

// Draw the boxes of the frame that is shown: a picture's once, a video's as it plays.
function follow(medium, overlay, objects, fps) {
  const show = () => {
    const frame = Math.round((medium.currentTime ?? 0) * (fps ?? 1));
    const [width, height] = [medium.clientWidth, medium.clientHeight];
    overlay.setAttribute("width", width);
    overlay.setAttribute("height", height);
    overlay.setAttribute("viewBox", `0 0 ${width} ${height}`);
    overlay.replaceChildren(...objects.flatMap((object) => drawn(object, frame, width, height)));
  };
  new ResizeObserver(show).observe(medium);
  medium.onload = show;
  medium.onseeked = show;
  medium.ontimeupdate = show;
  show();
}

function drawn({ label, boxes, isTracked }, frame, width, height) {
  const [, box] = (isTracked ? boxes.find(([of]) => of === frame) : boxes[0]) ?? [];
  if (!box) return [];
  const [x, y] = [box[0] * width, box[1] * height];
  return [
    draw("rect", { x, y, width: box[2] * width, height: box[3] * height }),
    draw("text", { x: x + 2, y: y > 18 ? y - 4 : y + 16 }, label),
  ];
}

function about({ researchProject, deployment, recordedAt, width, height, mimeType }) {
  return [
    ["Project", researchProject.name],
    ["Deployment", deployment?.deploymentCode],
    ["Recorded", recordedAt && new Date(recordedAt).toLocaleString()],
    ["Size", width && `${width} × ${height}`],
    ["Format", mimeType],
  ];
}
