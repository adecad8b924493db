// The project's own examples, which its tests check against shared vectors of both signatures, and how to call them.
import cpp from "../../../../examples/cpp/include/skyhook/webhook.hpp?raw";
import go from "../../../../examples/go/webhook/webhook.go?raw";
import js from "../../../../examples/javascript/webhook.mjs?raw";
import php from "../../../../examples/php/webhook.php?raw";
import py from "../../../../examples/python/webhook.py?raw";

export type Language = "js" | "py" | "php" | "go" | "cpp";
export type Dialect = "standard" | "vendor";
export interface Snippet {
  file: string;
  code: string;
  call: string;
}

// `prefix`: the platform's header prefix, such as `X-Skylight-`.
export function snippet(language: Language, dialect: Dialect, prefix: string): Snippet {
  const header = `${prefix}Signature`;
  const standard = dialect === "standard";
  switch (language) {
    case "js":
      return {
        file: "webhook.mjs", code: js,
        call: standard
          ? `import { verifyStandard } from "./webhook.mjs";\n\nconst genuine = verifyStandard(process.env.WEBHOOK_SECRET, request.headers, rawBody);`
          : `import { verifyVendor } from "./webhook.mjs";\n\nconst signature = request.headers["${header.toLowerCase()}"];\nconst genuine = verifyVendor(process.env.WEBHOOK_SECRET, signature, rawBody);`,
      };
    case "py":
      return {
        file: "webhook.py", code: py,
        call: standard
          ? `import os\nfrom webhook import verify_standard\n\ngenuine = verify_standard(os.environ["WEBHOOK_SECRET"], request.headers, raw_body)`
          : `import os\nfrom webhook import verify_vendor\n\ngenuine = verify_vendor(os.environ["WEBHOOK_SECRET"], request.headers["${header}"], raw_body)`,
      };
    case "php": {
      const server = (name: string): string => `$_SERVER['HTTP_${name.toUpperCase().replaceAll("-", "_")}'] ?? ''`;
      return {
        file: "webhook.php", code: php,
        call: standard
          ? `<?php\nrequire 'webhook.php';\n\n$genuine = Skyhook\\Webhook\\verify_standard(\n    getenv('WEBHOOK_SECRET'),\n    ${server("webhook-id")},\n    ${server("webhook-timestamp")},\n    ${server("webhook-signature")},\n    file_get_contents('php://input')\n);`
          : `<?php\nrequire 'webhook.php';\n\n$genuine = Skyhook\\Webhook\\verify_vendor(\n    getenv('WEBHOOK_SECRET'),\n    ${server(header)},\n    file_get_contents('php://input')\n);`,
      };
    }
    case "go":
      return {
        file: "webhook/webhook.go", code: go,
        call: standard
          ? `genuine := webhook.VerifyStandard(os.Getenv("WEBHOOK_SECRET"), r.Header.Get("webhook-id"),\n\tr.Header.Get("webhook-timestamp"), r.Header.Get("webhook-signature"),\n\trawBody, time.Now(), webhook.StandardTolerance)`
          : `genuine := webhook.VerifyVendor(os.Getenv("WEBHOOK_SECRET"), r.Header.Get("${header}"),\n\trawBody, time.Now(), webhook.VendorTolerance)`,
      };
    case "cpp":
      return {
        file: "skyhook/webhook.hpp", code: cpp,
        call: standard
          ? `#include <skyhook/webhook.hpp>  // link with -lcrypto\n\nconst bool genuine = skyhook::webhook::verify_standard(\n    std::getenv("WEBHOOK_SECRET"), headers["webhook-id"], headers["webhook-timestamp"],\n    headers["webhook-signature"], raw_body);`
          : `#include <skyhook/webhook.hpp>  // link with -lcrypto\n\nconst bool genuine = skyhook::webhook::verify_vendor(\n    std::getenv("WEBHOOK_SECRET"), headers["${header.toLowerCase()}"], raw_body);`,
      };
  }
}
