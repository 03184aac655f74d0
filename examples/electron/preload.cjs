// A port cannot be exposed: it is posted on to the page.
const { ipcRenderer } = require("electron");

ipcRenderer.on("engine", (event) => window.postMessage("engine", "*", event.ports));
