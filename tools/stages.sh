# Sourced by check, after setup.sh: measures stages in minutes and runs commands beside a stage.

stage_names=() stage_starts=() stage_works=()

# stage NAME: ends the current stage and begins a new one.
stage() {
  stage_names+=("$1") stage_starts+=("$SECONDS") stage_works+=("$(processor_seconds)")
  say "$1"
}

# Seconds of processor time of all commands that ended so far; one in the background counts when it is waited for.
processor_seconds() {
  local fields
  read -ra fields <"/proc/$$/stat"
  echo $(((fields[15] + fields[16]) / $(getconf CLK_TCK)))
}

# Prints a table of the stages, their minutes, and the minutes of processor time, which a busy machine changes little.
report_stages() {
  local i now=$SECONDS work
  work=$(processor_seconds)
  printf '\nminutes  processor  stage\n'
  for i in "${!stage_names[@]}"; do
    printf '%7s  %9s  %s\n' "$(minutes $((${stage_starts[i + 1]:-$now} - stage_starts[i])))" \
      "$(minutes $((${stage_works[i + 1]:-$work} - stage_works[i])))" "${stage_names[i]}"
  done
  printf '%7s  %9s  in all\n' "$(minutes $((now - started)))" "$(minutes "$work")"
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
