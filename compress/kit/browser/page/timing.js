// Time calls in turn: what slows the machine down for a while then slows all of them.

const WARM_UP = { calls: 5, ms: 500 }; // the browser compiles WebAssembly once more while it runs
const SAMPLE_MS = 5; // browsers round their clock, to 0.1 ms and more: a sample is as many calls as take this long
const FEWEST_ROUNDS = 15;

/** Milliseconds of a call, one number for each round, of every function in `calls`. */
export async function timeInTurn(calls, { seconds, progress }) {
  const repeats = [];
  for (const call of calls) {
    const start = performance.now();
    let done = 0;
    while (done < WARM_UP.calls || performance.now() - start < WARM_UP.ms) {
      await call();
      done++;
    }
    repeats.push(Math.ceil((SAMPLE_MS * done) / (performance.now() - start)));
  }
  const times = calls.map(() => []), start = performance.now();
  while (times[0].length < FEWEST_ROUNDS || performance.now() - start < 1000 * seconds) {
    for (const which of shuffled(calls.length)) times[which].push(await sample(calls[which], repeats[which]));
    progress(times[0].length);
    await new Promise((next) => setTimeout(next)); // the page may redraw
  }
  return times;
}

async function sample(call, repeats) {
  const start = performance.now();
  for (let left = repeats; left > 0; left--) await call();
  return (performance.now() - start) / repeats;
}

function shuffled(count) {
  const order = [...Array(count).keys()];
  for (let last = count - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1));
    [order[last], order[other]] = [order[other], order[last]];
  }
  return order;
}

/** The value below which a share of the numbers lies. */
export function quantile(numbers, share) {
  const sorted = [...numbers].sort((a, b) => a - b), place = share * (sorted.length - 1);
  const low = Math.floor(place), high = Math.ceil(place);
  return sorted[low] + (place - low) * (sorted[high] - sorted[low]);
}
