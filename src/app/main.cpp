#include "app/move.h"
#include "app/rekey.h"
#include "app/serve.h"
#include "cli/cli.h"

int main(int argc, char** argv) {
  return skyhook::cli::run(argc, argv,
                           {.serve = skyhook::app::serve,
                            .rekey = skyhook::app::rekey,
                            .move = skyhook::app::move,
                            .undo_move = skyhook::app::undo_move});
}
