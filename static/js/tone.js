// The speaker: two soft notes, then the question whether they were heard.

const section = document.getElementById("speaker");
const [NOTES, SECONDS] = [[523, 659], 0.6];

function state(name) {
  section.dispatchEvent(new CustomEvent("state", { detail: name, bubbles: true }));
}

function note(context, pitch, at) {
  const [source, volume] = [context.createOscillator(), context.createGain()];
  source.frequency.value = pitch;
  volume.gain.setValueAtTime(0, at);
  volume.gain.linearRampToValueAtTime(0.3, at + 0.05);
  volume.gain.linearRampToValueAtTime(0, at + SECONDS);
  source.connect(volume).connect(context.destination);
  source.start(at);
  source.stop(at + SECONDS);
  return source;
}

async function play() {
  try {
    const context = new AudioContext();
    await context.resume();
    const notes = NOTES.map((pitch, number) => note(context, pitch, context.currentTime + number * SECONDS));
    notes.at(-1).addEventListener("ended", () => context.close());
    state("asked");
  } catch {
    state("failed");
  }
}

document.getElementById("play").addEventListener("click", play);
for (const answer of section.querySelectorAll("[data-heard]")) {
  answer.addEventListener("click", () => state(answer.dataset.heard));
}
