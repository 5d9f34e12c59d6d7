#!/usr/bin/env bash
# Gets Kafka's jars from Maven Central, once per machine, and prints the folder that they are in.
#
#   jars=$(tests/interop/get_kafka.sh)
#
# The first run takes ten seconds (46 MB). stdout carries the path alone. Exit status 77, which
# Meson and automake read as "skipped", says that something this machine lacks is needed; stderr
# names it.
set -euo pipefail

version=3.9.1
cache=${XDG_CACHE_HOME:-$HOME/.cache}/plume/kafka-$version
jars=$cache/jars

say() { printf 'get_kafka: %s\n' "$*" >&2; }

found=$(java -version 2>&1) || found='no Java'
if ! [[ $found =~ version\ \"([0-9]+) ]] || ((BASH_REMATCH[1] < 17)); then
    say "skipped: Kafka needs Java >= 17, and there is ${found%%$'\n'*} here"
    exit 77
fi
if [[ -d $jars ]]; then
    printf '%s\n' "$jars"
    exit
fi
if ! command -v mvn >/dev/null; then
    say 'skipped: mvn is missing, which gets Kafka from Maven Central'
    exit 77
fi

# One download at a time; and the folder appears when it is complete.
mkdir -p "$cache"
exec 9>"$cache/download.lock"
flock 9
if [[ ! -d $jars ]]; then
    work=$(mktemp -d "$cache/download.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    cat >"$work/pom.xml" <<END
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>plume.tests</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>$version</version>
    </dependency>
  </dependencies>
</project>
END
    say "getting Kafka $version"
    if ! timeout 300 mvn -q -B -Dstyle.color=never -f "$work/pom.xml" \
        dependency:copy-dependencies -DoutputDirectory="$work/jars" </dev/null >&2; then
        say 'skipped: Maven Central does not deliver'
        exit 77
    fi
    mv "$work/jars" "$jars"
fi
printf '%s\n' "$jars"
