// The page: what is chosen, pressed and shown. Names are only ever set as text.

import { bestOf, compareAnswers } from "./answers.js";
import { closeAllBut, fileOf, inputOf, kit, open, scoresOf, testImage, testImages } from "./files.js";
import { decode, draw, frame, prepare, restore } from "./pictures.js";
import { quantile, timeInTurn } from "./timing.js";

const SHOWN = 5, FAILED = "failed";
const $ = (id) => document.getElementById(id);
let shown = null; // the picture that is looked at: a function, file -> image as the file takes it
let next = 0; // of the kit's images

/** An element with a class, and texts or elements in it. */
function element(tag, kind, ...content) {
  const made = document.createElement(tag);
  made.className = kind;
  made.append(...content);
  return made;
}

const chosen = () => kit.pairs[$("pair").value].map(fileOf);
const size = (bytes) => (bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);
const percent = (share) => `${(100 * share).toFixed(1)} %`;
const short = (value) => (value === 0 ? "0" : value.toExponential(1));
const milliseconds = (value) => `${value.toPrecision(3)} ms`;

/** Do one thing at a time, and show what went wrong. */
async function work(words, task) {
  const controls = [...document.querySelectorAll("button, select, input")];
  controls.forEach((control) => (control.disabled = true));
  document.body.className = "busy";
  $("status").className = "";
  $("status").textContent = words;
  try {
    $("status").textContent = (await task()) ?? "Ready.";
  } catch (error) {
    $("status").className = "bad";
    $("status").textContent = `Error: ${error.message ?? error}`;
  }
  controls.forEach((control) => (control.disabled = false));
  document.body.className = "ready";
}

async function openChosen() {
  await closeAllBut(chosen());
  for (const file of chosen()) await open(file);
}

async function answer() {
  if (shown === null) return;
  $("answers").replaceChildren();
  for (const file of chosen()) {
    const [row] = await scoresOf(file, await shown(file));
    const lines = bestOf(file, row, SHOWN).map(({ name, chance }) => {
      const bar = element("i", "bar");
      bar.style.width = `${100 * chance}%`;
      return element("li", "", element("span", "name", name), element("b", "", percent(chance)), bar);
    });
    $("answers").append(element("div", "", element("h3", "", file.label), element("ol", "", ...lines)));
  }
}

async function lookAt(blob) {
  const [first] = chosen();
  const framed = async (file) => frame(await decode(blob, { grey: file.grey }), file.framing, file.size);
  const picture = await framed(first);
  draw(picture, $("seen"));
  shown = async (file) => prepare(await framed(file), file);
  $("truth").textContent = blob.name ?? "";
  await answer();
}

async function lookAtTestImage() {
  const number = next++ % kit.count, [first] = chosen(), labels = (await testImages())[kit.labels].data;
  draw(restore(await testImage(first, number), first), $("seen"));
  shown = (file) => testImage(file, number);
  $("truth").textContent = `Test image ${number + 1} of ${kit.count}: ${kit.classes[Number(labels[number])]}`;
  await answer();
}

/** The batch that both files take: 1 if both leave it free. */
function sharedBatch(files) {
  const fixed = new Set(files.map((file) => file.batch).filter((batch) => batch !== null));
  if (fixed.size > 1) throw new Error("the two files take different batches: their times cannot be compared");
  return fixed.size ? [...fixed][0] : 1;
}

async function measure() {
  const files = chosen(), batch = sharedBatch(files), calls = [];
  for (const file of files) {
    const session = await open(file), image = await testImage(file, 0);
    const images = new image.constructor(batch * image.length);
    for (let at = 0; at < images.length; at += image.length) images.set(image, at);
    const input = inputOf(file, images);
    calls.push(() => session.run(input, [file.output]));
  }
  const seconds = Number($("seconds").value) || 3;
  const progress = (rounds) => ($("status").textContent = `Measuring, round ${rounds} ...`);
  const times = await timeInTurn(calls, { seconds, progress });
  const rows = files.map((file, which) => {
    const [low, median, high] = [0.25, 0.5, 0.75].map((share) => milliseconds(quantile(times[which], share)));
    return [file.label, median, `${low} to ${high}`, size(file.bytes)];
  });
  table($("times"), ["File", "Median of a call", "Middle half", "Size"], rows);
  const ratio = quantile(times[0].map((time, round) => time / times[1][round]), 0.5);
  const faster = ratio >= 1 ? `${ratio.toFixed(2)} times as fast as` : `slower by a factor of ${(1 / ratio).toFixed(2)} than`;
  const protocol = `batch ${batch}, 1 thread, ${times[0].length} rounds in turn after a warm-up`;
  $("speed").textContent = `In this browser ${files[1].label} is ${faster} ${files[0].label} (${protocol}).`;
}

async function check() {
  const rows = [];
  for (const file of kit.files) {
    $("status").textContent = `Checking ${file.label} ...`;
    rows.push([file.label, ...(await checked(file))]);
    await closeAllBut(chosen());
  }
  table($("checks"), ["File", "Check", "Rule", "Largest difference", "Same class", "Right"], rows);
  const failed = rows.filter((row) => row[1] === FAILED).length;
  if (!failed) return "All files answer as where the kit was made.";
  return `${failed} of ${rows.length} files answer otherwise than where the kit was made.`;
}

async function checked(file) {
  const bits = file.tolerance === null;
  const rule = bits ? `${100 * kit.fewest_agreeing} % of classes the same` : `scores within ${short(file.tolerance)}`;
  try {
    const { images, difference, agreeing, right, passed } = await compareAnswers(file);
    const counts = [agreeing, right].map((count) => `${count} of ${images}`);
    return [passed ? "passed" : FAILED, rule, short(difference), ...counts];
  } catch (error) {
    return [FAILED, error.message ?? String(error), "", "", ""];
  }
}

function table(place, titles, rows) {
  const head = element("tr", "", ...titles.map((title) => element("th", "", title)));
  const lines = rows.map((cells) => element("tr", "", ...cells.map((cell) => element("td", cell === FAILED ? "bad" : "", cell))));
  place.replaceChildren(element("thead", "", head), element("tbody", "", ...lines));
}

async function choosePair() {
  for (const id of ["times", "speed"]) $(id).replaceChildren();
  $("words").textContent = [...new Set(chosen().map((file) => file.words))].join(" / ");
  await openChosen();
  await answer();
}

document.title = $("name").textContent = kit.name;
kit.pairs.forEach((pair, number) => $("pair").append(new Option(`${pair[1]} against ${pair[0]}`, number)));
$("images").textContent = kit.count;
$("browser").textContent = navigator.userAgent;
$("pair").onchange = () => work("Loading ...", choosePair);
$("measure").onclick = () => work("Warming up ...", measure);
$("check").onclick = () => work("Checking ...", check);
$("sample").onclick = () => work("Looking ...", lookAtTestImage);
$("file").onchange = () => $("file").files.length && work("Looking ...", () => lookAt($("file").files[0]));
document.ondragover = (event) => event.preventDefault();
document.ondrop = (event) => {
  event.preventDefault();
  if (event.dataTransfer.files.length && !$("file").disabled) work("Looking ...", () => lookAt(event.dataTransfer.files[0]));
};
await work("Loading ...", choosePair);
