// What a network answers: chances of the classes, and the comparison with the expected answers.

import { inOrder, kit, scoresOf, testImages } from "./files.js";

/** The most probable classes of a row of scores: [{name, chance}]. */
export function bestOf(file, row, count) {
  const scores = inOrder(file, row), highest = Math.max(...scores);
  const parts = file.probabilities ? scores : scores.map((score) => Math.exp(score - highest));
  const sum = parts.reduce((all, part) => all + part, 0);
  const classes = parts.map((part, number) => ({ name: kit.classes[number], chance: part / sum }));
  return classes.sort((one, other) => other.chance - one.chance).slice(0, count);
}

/** Compare a file's answers to the kit's images with those it gave where the kit was made. */
export async function compareAnswers(file) {
  const arrays = await testImages(), expected = arrays[file.logits];
  const found = await scoresOf(file, arrays[file.images].data), width = expected.shape[1];
  let difference = 0, agreeing = 0, right = 0;
  found.forEach((row, number) => {
    const wanted = Array.from(expected.data.subarray(number * width, (number + 1) * width));
    row.forEach((score, k) => (difference = Math.max(difference, Math.abs(score - wanted[k]) || 0)));
    if (!row.every(Number.isFinite)) difference = Infinity;
    const answer = bestClass(inOrder(file, row));
    agreeing += answer === bestClass(inOrder(file, wanted));
    right += answer === Number(arrays[kit.labels].data[number]);
  });
  const exact = file.tolerance !== null;
  const passed = exact ? difference <= file.tolerance : agreeing >= kit.fewest_agreeing * found.length;
  return { images: found.length, difference, agreeing, right, passed };
}

const bestClass = (scores) => scores.indexOf(Math.max(...scores));
