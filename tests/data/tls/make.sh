#!/usr/bin/env bash
# Makes the certificates of the TLS tests anew, into the folder of this script. Needs openssl.
# The keys protect nothing: they are public, and only a server on loopback inside a test ever uses them.
set -euo pipefail
cd "$(dirname "$0")"
key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null; }
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
key "$work/ca.key"
key server.key
openssl req -x509 -key "$work/ca.key" -subj "/CN=llmark test CA" -days 36500 -out ca.pem
touch "$work/index.txt"
cat > "$work/ca.conf" <<END
[ca]
default_ca = ours
[ours]
database = $work/index.txt
unique_subject = no
new_certs_dir = $work
rand_serial = yes
default_md = sha256
policy = any
certificate = ca.pem
private_key = $work/ca.key
[any]
commonName = supplied
END
leaf() { # NAME SAN NOT_BEFORE NOT_AFTER
  openssl req -new -key server.key -subj "/CN=llmark test" -out "$work/$1.csr"
  printf 'subjectAltName=%s\nbasicConstraints=CA:FALSE\n' "$2" > "$work/$1.ext"
  openssl ca -batch -notext -config "$work/ca.conf" -in "$work/$1.csr" -extfile "$work/$1.ext" \
    -startdate "$3" -enddate "$4" -out "$1.pem" 2>/dev/null
}
leaf good "IP:127.0.0.1,DNS:localhost" 20250101000000Z 21250101000000Z
leaf expired "IP:127.0.0.1" 20010101000000Z 20020101000000Z
leaf other-host "DNS:other.example" 20250101000000Z 21250101000000Z
openssl req -x509 -key server.key -subj "/CN=llmark test" -addext "subjectAltName=IP:127.0.0.1" -days 36500 -out self-signed.pem
