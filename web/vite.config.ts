import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vitest/config";
import { compress } from "./tools/compress.ts";
import { fonts } from "./tools/fonts.ts";
import { logical } from "./tools/logical.ts";
import { sprite } from "./tools/sprite.ts";
import { UNUSED, without } from "./tools/without.ts";

const backend = process.env.MOTESRUM_BACKEND ?? "http://127.0.0.1:8080";

export default defineConfig({
  base: "/",
  plugins: [vue(), sprite(), fonts(), compress()],
  css: { postcss: { plugins: [without(UNUSED), logical()] } },
  build: {
    outDir: "dist",
    assetsDir: "assets",
    // Fonts and pictures stay files of their own: a content security policy without data: then works.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: true,
    chunkSizeWarningLimit: 900,
  },
  server: { proxy: { "/api": { target: backend, ws: true } } },
  test: { environment: "./tools/client.environment.ts", include: ["src/**/*.test.ts", "tools/**/*.test.ts"], restoreMocks: true },
});
