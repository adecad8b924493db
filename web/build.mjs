// Builds the dashboard and writes it as a C++ source that carries every file as it is, gzipped and with Brotli.
// Usage: node build.mjs OUT_DIRECTORY       writes OUT_DIRECTORY/assets.cpp
// Called by the build of the binary; it installs the pinned packages first where that was not done yet.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const kHere = dirname(fileURLToPath(import.meta.url));
const kTypes = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
  txt: "text/plain; charset=utf-8",
  woff2: "font/woff2",
};

function run(command, args, failure) {
  const outcome = spawnSync(command, args, { cwd: kHere, encoding: "utf8" });
  if (outcome.status === 0) return;
  process.stderr.write(`${outcome.stdout ?? ""}${outcome.stderr ?? ""}${failure}\n`);
  process.exit(1);
}

function install() {
  const installed = join(kHere, "node_modules", ".package-lock.json");
  const wanted = join(kHere, "package-lock.json");
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(wanted).mtimeMs) return;
  run("npm", ["ci", "--no-audit", "--no-fund"], "Installing the dashboard's packages failed. Without the npm registry, configure with -DSKYHOOK_DASHBOARD=OFF.");
}

function* files(directory) {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else yield path;
  }
}

// One line of a C string may hold few kilobytes for some compilers, so the bytes are brought in by the assembler.
function embed(out, assets) {
  const symbols = [];
  const rows = [];
  assets.forEach(({ url, type, etag, variants }, i) => {
    const views = ["identity", "gzip", "brotli"].map((name) => {
      const bytes = variants[name];
      if (!bytes) return "{}";
      const file = join(out, `asset${i}.${name}`);
      writeFileSync(file, bytes);
      const symbol = `skyhook_asset_${i}_${name}`;
      symbols.push({ symbol, file });
      return `{${symbol}, ${bytes.length}}`;
    });
    rows.push(`    {"${url}", "${type}", "\\"${etag}\\"", ${views.join(", ")}},`);
  });
  const source = [
    "// Written by web/build.mjs.",
    '#include "dashboard/assets.h"',
    "",
    ...symbols.map(({ symbol, file }) => `asm(".section .rodata\\n.global ${symbol}\\n${symbol}:\\n.incbin \\"${file}\\"\\n.byte 0\\n.previous\\n");`),
    "",
    ...symbols.map(({ symbol }) => `extern "C" const char ${symbol}[];`),
    "",
    "namespace skyhook::dashboard {",
    "namespace {",
    "const Asset kAssets[] = {",
    ...rows,
    "};",
    "}  // namespace",
    "",
    "std::span<const Asset> assets() { return kAssets; }",
    "",
    "}  // namespace skyhook::dashboard",
    "",
  ];
  writeFileSync(join(out, "assets.cpp"), source.join("\n"));
}

const out = resolve(process.argv[2] ?? "");
if (!process.argv[2]) {
  process.stderr.write("usage: node build.mjs OUT_DIRECTORY\n");
  process.exit(2);
}
install();
const dist = join(out, "dist");
rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });
run(process.execPath, [join("node_modules", "typescript", "bin", "tsc"), "--noEmit"], "The dashboard's types do not hold.");
run(process.execPath, [join("node_modules", "vite", "bin", "vite.js"), "build", "--outDir", dist, "--emptyOutDir", "--logLevel", "warn"], "Building the dashboard failed.");

const assets = [...files(dist)].sort().map((path) => {
  const bytes = readFileSync(path);
  const url = `/${relative(dist, path).split("\\").join("/")}`;
  const type = kTypes[path.split(".").pop()];
  if (!type) throw new Error(`no content type for ${url}`);
  const gzip = gzipSync(bytes, { level: 9 });
  const brotli = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } });
  const worth = (packed) => (packed.length < bytes.length * 0.95 ? packed : undefined);
  return { url, type, etag: createHash("sha256").update(bytes).digest("hex").slice(0, 32), variants: { identity: bytes, gzip: worth(gzip), brotli: worth(brotli) } };
});
embed(out, assets);
