import { defaultSocket } from "@cloudops/engine/node";
import { defineConfig, type ProxyOptions } from "vite";

// `cloudops serve` listens there. The page's origin stays in what is passed on: the daemon refuses pages of other origins.
const daemon: ProxyOptions = {
  target: { socketPath: process.env["CLOUDOPS_SOCKET"] ?? defaultSocket() } as never,
  configure(proxy) {
    // A stream that breaks breaks for the page too, which then goes on where it was.
    proxy.on("proxyRes", (from, _asked, to) => void from.on("error", () => to.destroy()));
  },
};
const proxy = { "/cloudops.v1.": daemon };

export default defineConfig({
  resolve: { dedupe: ["react"] }, // the package is a link here, with a React of its own beside it
  server: { proxy },
  preview: { proxy },
});
