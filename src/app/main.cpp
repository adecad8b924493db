#include "app/rekey.h"
#include "app/serve.h"
#include "cli/cli.h"

int main(int argc, char** argv) {
  return skyhook::cli::run(argc, argv, skyhook::app::serve, skyhook::app::rekey);
}
