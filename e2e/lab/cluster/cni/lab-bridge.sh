#!/bin/sh
# The lab's main CNI plugin: joins a pod to its node by a pair of virtual links, with an address of each family from the node's range.
# Installed in each node by chain-network.ts, and run by runtime.ts. Addresses and routes are those of addressing.ts.
# Of its own configuration it reads flat fields only, so that it needs nothing but a shell and iproute2.
set -u

config=$(cat)
state=/var/lib/cni/networks/lab
version=1.0.0

# The value of a field of the configuration.
field() {
  value=${config#*\"$1\":}
  [ "$value" != "$config" ] || return 1
  value=${value#\"}
  printf '%s' "${value%%[\",\}]*}"
}

# $1: code, $2: message
fail() {
  printf '{"cniVersion":"%s","code":%d,"msg":"%s"}\n' "$version" "$1" "$(printf '%s' "$2" | tr '"\\\n' "'/ ")"
  exit 1
}

# One at a time chooses numbers.
locked() {
  mkdir -p "$state" || fail 5 "cannot write to $state"
  exec 9>"$state/.lock"
  flock 9 || fail 11 "cannot lock $state"
}

# The number that a container holds.
number_of() {
  for file in "$state"/[0-9]*; do
    [ -f "$file" ] && read -r holder <"$file" && [ "$holder" = "$1" ] && printf '%s' "${file##*/}" && return
  done
  return 1
}

# The number that has been free for longest: whoever remembers a pod that is gone does not meet another one in its place.
take_number() {
  most=$(field most)
  last=0
  [ -f "$state/.last" ] && read -r last <"$state/.last"
  tried=0
  while [ "$tried" -lt "$most" ]; do
    last=$((last % most + 1))
    tried=$((tried + 1))
    [ -e "$state/$last" ] && continue
    echo "$CNI_CONTAINERID" >"$state/$last"
    echo "$last" >"$state/.last"
    number=$last
    return
  done
  fail 11 "the node has $most pods, and room for no more"
}

add() {
  locked
  number_of "$CNI_CONTAINERID" >/dev/null && fail 4 "$CNI_CONTAINERID is attached already"
  take_number
  exec 9>&-
  link=pod$number v4=$(field prefix4)$number v6=$(field prefix6)$number
  via4=$(field via4) via6=$(field via6) node4=$(field node4) node6=$(field node6)
  said=$(ip -batch - 2>&1 <<END
link add $link type veth peer name $CNI_IFNAME netns $CNI_NETNS
link set $link up
addr add $via4/32 dev $link
addr add $via6/64 dev $link nodad
route add $v4/32 dev $link src $node4
route add $v6/128 dev $link src $node6
END
  ) || fail 100 "the node's end: $said"
  said=$(nsenter --net="$CNI_NETNS" ip -batch - 2>&1 <<END
link set $CNI_IFNAME up
addr add $v4/32 dev $CNI_IFNAME
addr add $v6/128 dev $CNI_IFNAME nodad
route add $via4 dev $CNI_IFNAME scope link
route add default via $via4 dev $CNI_IFNAME src $v4
route add default via $via6 dev $CNI_IFNAME src $v6
END
  ) || fail 100 "the pod's end: $said"
  cat <<END
{"cniVersion":"$version",
"interfaces":[{"name":"$link"},{"name":"$CNI_IFNAME","sandbox":"$CNI_NETNS"}],
"ips":[{"address":"$v4/32","gateway":"$via4","interface":1},{"address":"$v6/128","gateway":"$via6","interface":1}],
"routes":[{"dst":"0.0.0.0/0","gw":"$via4"},{"dst":"::/0","gw":"$via6"}],
"dns":{}}
END
}

# Ends what was made for a number, and only then frees it: no lock is needed, and the kernel takes its time for links.
release() {
  ip link del "pod$1" 2>/dev/null
  rm -f "$state/$1"
}

del() {
  number=$(number_of "$CNI_CONTAINERID") && release "$number"
  return 0
}

check() {
  number=$(number_of "$CNI_CONTAINERID") || fail 3 "$CNI_CONTAINERID is not attached"
  said=$(ip link show "pod$number" 2>&1) || fail 100 "the node's end: $said"
  said=$(nsenter --net="$CNI_NETNS" ip -4 addr show dev "$CNI_IFNAME" 2>&1) || fail 100 "the pod's end: $said"
  case $said in *"inet $(field prefix4)$number/32"*) ;; *) fail 100 "the pod has lost its address" ;; esac
}

gc() {
  for file in "$state"/[0-9]*; do
    [ -f "$file" ] && read -r holder <"$file" || continue
    case $config in *"\"containerID\":\"$holder\""*) ;; *) release "${file##*/}" ;; esac
  done
}

version=$(field cniVersion) || version=1.0.0
case ${CNI_COMMAND-} in
  ADD) add ;;
  DEL) del ;;
  CHECK) check ;;
  GC) gc ;;
  STATUS) ;;
  VERSION) printf '{"cniVersion":"%s","supportedVersions":["0.4.0","1.0.0","1.1.0"]}\n' "$version" ;;
  *) fail 4 "unknown CNI_COMMAND ${CNI_COMMAND-}" ;;
esac
