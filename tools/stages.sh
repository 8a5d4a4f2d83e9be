# Sourced by check, after setup.sh: measures stages in minutes and runs commands beside a stage.

stage_names=() stage_starts=()

# stage NAME: ends the current stage and begins a new one.
stage() {
  stage_names+=("$1") stage_starts+=("$SECONDS")
  say "$1"
}

# Prints a table of the stages and their minutes.
report_stages() {
  local i end
  printf '\nminutes  stage\n'
  for i in "${!stage_names[@]}"; do
    end=${stage_starts[i + 1]:-$SECONDS}
    printf '%7s  %s\n' "$(minutes $((end - stage_starts[i])))" "${stage_names[i]}"
  done
  printf '%7s  in all\n' "$(minutes $((SECONDS - started)))"
}
minutes() { printf '%d.%d' $(($1 / 60)) $(($1 % 60 / 6)); }

# beside NAME COMMAND...: runs COMMAND in the background; its output goes to build/NAME.log.
declare -A beside_pids=()
beside() {
  local name=$1
  shift
  say "  in the background; its log is build/$name.log"
  (
    set -e
    "$@"
  ) >"build/$name.log" 2>&1 &
  beside_pids[$name]=$!
}

# finish NAME: waits for the command, shows the end of its log, and fails if it failed. Does nothing if it was not
# begun.
finish() {
  local name=$1
  [ -n "${beside_pids[$name]:-}" ] || return 0
  wait "${beside_pids[$name]}" || {
    tail -n 100 "build/$name.log" >&2
    fail "$name failed; the log is build/$name.log"
  }
  unset "beside_pids[$name]"
  grep -aE '^(sdk|console|terminal|docs):|^ℹ (tests|fail)|commands of the README|^# (tests|fail)' "build/$name.log" || tail -n 5 "build/$name.log"
}
trap 'for p in "${beside_pids[@]}"; do kill "$p" 2>/dev/null || true; done' EXIT
