// The device check: asks for camera and microphone, shows the picture, and says what to do where there is none.
// Announces "devices:started" when somebody presses a button, and "devices:stream" with what was granted (or null).

const check = document.getElementById("devices");
const [ask, camera, microphone] = ["ask", "camera", "microphone"].map((id) => document.getElementById(id));
const preview = document.getElementById("preview");
const ERRORS = {
  NotAllowedError: "denied",
  SecurityError: "blocked",
  NotFoundError: "none",
  OverconstrainedError: "none",
  NotReadableError: "busy",
  AbortError: "busy",
};
let stream = null;

function state(element, name) {
  element.dispatchEvent(new CustomEvent("state", { detail: name, bubbles: true }));
}

function stop() {
  stream?.getTracks().forEach((track) => track.stop());
  stream = preview.srcObject = null;
  document.dispatchEvent(new CustomEvent("devices:stream", { detail: null }));
}

// An app's own browser may have no camera at all; a page around this one may keep it from us.
function isBlocked() {
  const policy = document.permissionsPolicy ?? document.featurePolicy;
  return !navigator.mediaDevices?.getUserMedia || policy?.allowsFeature("microphone") === false;
}

async function permission(name) {
  try {
    return (await navigator.permissions.query({ name })).state;
  } catch {
    return "unknown"; // not every browser tells
  }
}

async function has(kind) {
  return (await navigator.mediaDevices.enumerateDevices()).some((device) => device.kind === kind);
}

function present(granted, cameraState) {
  stream = granted;
  preview.srcObject = granted;
  camera.hidden = microphone.hidden = false;
  state(camera, cameraState);
  state(microphone, "listening");
  state(ask, "done");
  document.getElementById("camera-title").focus();
  document.dispatchEvent(new CustomEvent("devices:stream", { detail: granted }));
}

async function listen(cameraState) {
  present(await navigator.mediaDevices.getUserMedia({ audio: true }), cameraState);
}

// Nobody is asked twice: the voice alone is tried where the camera is missing, or where only it is blocked.
async function withoutCamera(error) {
  if (error.name === "NotFoundError" && (await has("audioinput"))) {
    return listen("missing");
  }
  if (error.name === "NotAllowedError" && (await permission("microphone")) === "granted") {
    return listen("blocked");
  }
  throw error;
}

async function all() {
  try {
    present(await navigator.mediaDevices.getUserMedia({ audio: true, video: { facingMode: "user" } }), "ok");
  } catch (error) {
    await withoutCamera(error);
  }
}

// A frame that may not ask is refused like somebody who says no; only where browsers keep the two apart can we.
function said(error) {
  const framed = window.self !== window.top && !document.featurePolicy;
  return error.name === "NotAllowedError" && framed ? "blocked" : (ERRORS[error.name] ?? "failed");
}

async function start(wanted) {
  stop();
  camera.hidden = microphone.hidden = true;
  document.dispatchEvent(new CustomEvent("devices:started"));
  if (isBlocked()) {
    return state(ask, "blocked");
  }
  state(ask, "asking");
  try {
    await (wanted === "voice" ? listen("off") : all());
  } catch (error) {
    state(ask, said(error));
  }
}

check.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-ask]");
  if (button) {
    start(button.dataset.ask);
  }
});
// A camera that stays on after its page was left would frighten people.
window.addEventListener("pagehide", stop);
check.hidden = false;
document.getElementById("unscripted").hidden = true;
