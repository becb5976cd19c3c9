# Builds the sandbox's view of the machine, then runs the program in it as process 2 of its own namespace.
# Arguments: the new root's mount point, the folder with the program's files, CPU seconds, the program and its arguments.
# The first line on standard output is "ready"; whatever goes wrong before is a refusal, told on standard error.
set -eu
root=$1 files=$2 cpu=$3
shift 3
read_only() {
    mount --rbind "$1" ".$1"
    mount -o remount,bind,ro,nosuid ".$1"
}
empty() {
    mount -t tmpfs -o "mode=0755,size=$2,nr_inodes=4k,nosuid,nodev" llmark "$1"
}
empty "$root" 1m
cd "$root"
mkdir usr etc dev proc tmp work .old
for name in bin sbin lib lib32 lib64 libx32; do
    if [ -L "/$name" ]; then
        ln -s "$(readlink "/$name")" "$name"
    elif [ -d "/$name" ]; then
        mkdir "$name"
        read_only "/$name"
    fi
done
read_only /usr
if [ -d /etc/alternatives ]; then
    mkdir etc/alternatives
    read_only /etc/alternatives
fi
if [ -f /etc/ld.so.cache ]; then cp /etc/ld.so.cache etc/; fi
echo 'sandbox:x:0:0::/work:/bin/sh' >etc/passwd
for name in null zero random urandom; do
    : >"dev/$name"
    mount --bind "/dev/$name" "dev/$name"
done
empty work 64m
empty tmp 64m
cp -R "$files/." work/
# Both are extras: some containers forbid a process file system of one's own.
mount -t proc -o nosuid,nodev,noexec proc proc 2>/dev/null || true
{ echo 0 >proc/sys/user/max_user_namespaces; } 2>/dev/null || true
mount -o remount,bind,ro,nosuid,nodev "$root"
pivot_root . .old
umount -l /.old
cd /work
command -v "$1" >/dev/null || { echo "no program \`$1\` below /usr" >&2; exit 1; }
echo ready
set +e
prlimit --cpu="$cpu:$((cpu + 1))" --data=1073741824 --as=34359738368 --nproc=64 --fsize=67108864 --nofile=256 --core=0 -- \
    setpriv --bounding-set=-all --inh-caps=-all --no-new-privs -- "$@"
exit $?
