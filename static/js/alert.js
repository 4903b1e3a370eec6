// The board's alert: a tone that repeats while a visit needs a clinician, for those who want to hear it; and the count
// in the title of the window, for everybody.

const EVERY_MS = 15000;
const CHOICE = "board-sound";
const title = document.title;
const button = document.querySelector("[data-sound]");
let audio = null;

function remembered() {
  try {
    return sessionStorage.getItem(CHOICE) === "on";
  } catch {
    return false; // a browser that stores nothing asks again
  }
}

function remember(on) {
  try {
    sessionStorage.setItem(CHOICE, on ? "on" : "off");
  } catch {
    // nothing is lost but the choice
  }
}

function alerts() {
  return Number(document.getElementById("board")?.dataset.alerts ?? 0);
}

function tone() {
  if (!audio || audio.state !== "running" || !alerts()) return;
  const oscillator = audio.createOscillator();
  const volume = audio.createGain();
  volume.gain.setValueAtTime(0.15, audio.currentTime);
  volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + 0.8);
  oscillator.frequency.setValueAtTime(880, audio.currentTime);
  oscillator.frequency.setValueAtTime(660, audio.currentTime + 0.25);
  oscillator.connect(volume).connect(audio.destination);
  oscillator.start();
  oscillator.stop(audio.currentTime + 0.8);
}

// A browser lets a page be heard only after a press on it.
async function turn(on) {
  if (on) {
    audio ??= new AudioContext();
    await audio.resume();
  } else {
    await audio?.suspend();
  }
  remember(on);
  button.setAttribute("aria-pressed", String(on));
  button.textContent = on ? button.dataset.on : button.dataset.off;
  tone();
}

function show() {
  document.title = alerts() ? `(${alerts()}) ${title}` : title;
}

if (button && "AudioContext" in window) {
  button.hidden = false;
  button.addEventListener("click", () => turn(button.getAttribute("aria-pressed") !== "true"));
  if (remembered()) document.addEventListener("click", () => turn(true), { once: true });
}
document.addEventListener("htmx:load", show);
show();
setInterval(tone, EVERY_MS);
