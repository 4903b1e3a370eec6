// The connection to our own server: the median of a few round trips, then one download and one upload of bytes that
// mean nothing. Each has a deadline, so a bad line is told instead of waited for.

const section = document.getElementById("connection");
const url = section.dataset.sample;
const [TRIPS, UPLOAD_BYTES, AT_ONCE, PATIENCE] = [5, 128 * 1024, 65_536, 10_000]; // AT_ONCE: the most that crypto fills
// Megabits a second and milliseconds from which Teams shows a steady picture.
const [ENOUGH, NEAR] = [1.2, 300];
const MOST = 100; // of what is faster, a sample this small says no more than that

function state(name) {
  section.dispatchEvent(new CustomEvent("state", { detail: name, bubbles: true }));
}

async function timed(options) {
  const begun = performance.now();
  const answer = await fetch(url, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE), ...options });
  if (!answer.ok) {
    throw new Error(`${answer.status}`);
  }
  const bytes = (await answer.arrayBuffer()).byteLength;
  return [performance.now() - begun, bytes];
}

async function roundTrip() {
  const trips = [];
  for (let trip = 0; trip < TRIPS; trip += 1) {
    trips.push((await timed({ method: "POST" }))[0]);
  }
  return trips.sort((a, b) => a - b)[Math.floor(TRIPS / 2)];
}

// Noise, so that nothing on the way can make it smaller.
function noise() {
  const bytes = new Uint8Array(UPLOAD_BYTES);
  for (let start = 0; start < UPLOAD_BYTES; start += AT_ONCE) {
    crypto.getRandomValues(bytes.subarray(start, start + AT_ONCE));
  }
  return bytes;
}

// Waiting for the first byte is not the line's speed.
function megabits(bytes, milliseconds, trip) {
  return (bytes * 8) / 1000 / Math.max(milliseconds - trip, 1);
}

async function measure() {
  const trip = await roundTrip();
  const [down, bytes] = await timed({});
  const [up] = await timed({ method: "POST", body: noise() });
  return { trip, download: megabits(bytes, down, trip), upload: megabits(UPLOAD_BYTES, up, trip) };
}

function write(id, value, unit, most = Infinity) {
  const options = { style: "unit", unit, maximumSignificantDigits: 2 };
  const format = new Intl.NumberFormat(document.documentElement.lang, options);
  document.getElementById(id).textContent = `${value > most ? "> " : ""}${format.format(Math.min(value, most))}`;
}

function tell({ trip, download, upload }) {
  write("round-trip", trip, "millisecond");
  write("download", download, "megabit-per-second", MOST);
  write("upload", upload, "megabit-per-second", MOST);
  state(Math.min(download, upload) >= ENOUGH && trip <= NEAR ? "good" : "slow");
}

async function run() {
  state("measuring");
  try {
    tell(await measure());
  } catch (error) {
    state(error.name === "TimeoutError" ? "stuck" : "failed");
  }
}

document.getElementById("measure").addEventListener("click", run);
document.addEventListener("devices:started", run, { once: true });
