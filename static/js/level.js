// The microphone's level: a bar that moves with the voice, and a word when it was heard. Nothing is recorded.

const section = document.getElementById("microphone");
const meter = document.getElementById("level");
const [VOICE, PATIENCE] = [0.03, 8000]; // loudness from 0 to 1 that is no noise; milliseconds until silence is told
let context = null;

function state(name) {
  section.dispatchEvent(new CustomEvent("state", { detail: name, bubbles: true }));
}

function loudest(samples) {
  return samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
}

function watch(analyser, mine) {
  const samples = new Float32Array(analyser.fftSize);
  const begun = performance.now();
  const look = () => {
    if (context !== mine) {
      return;
    }
    analyser.getFloatTimeDomainData(samples);
    const level = loudest(samples);
    meter.value = Math.sqrt(level); // as loudness is felt
    if (level > VOICE && section.dataset.state !== "heard") {
      state("heard");
    } else if (section.dataset.state === "listening" && performance.now() - begun > PATIENCE) {
      state("silent");
    }
    requestAnimationFrame(look);
  };
  look();
}

document.addEventListener("devices:stream", ({ detail: stream }) => {
  context?.close();
  context = stream && new AudioContext();
  if (context) {
    const analyser = context.createAnalyser();
    context.createMediaStreamSource(stream).connect(analyser);
    context.resume();
    watch(analyser, context);
  }
});
