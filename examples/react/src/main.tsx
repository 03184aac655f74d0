import { createEngine } from "@cloudops/engine";
import { EngineProvider } from "@cloudops/engine/react";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App.js";

const engine = createEngine(); // the page's own origin; vite.config.ts passes it on to the daemon

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <EngineProvider engine={engine}>
      <App />
    </EngineProvider>
  </StrictMode>,
);
