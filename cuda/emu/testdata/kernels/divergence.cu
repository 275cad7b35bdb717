// Control flow in which the threads of a warp part in every way; the results are exact integers.
// collatz: steps of x -> x / 2 or 3 x + 1 until 1, at most limit: loops of different length, early return.
// primes: nested loops with break and continue: the count of primes below x[i], the last of them, and a checksum.
// maze: two nested loops, a labelled exit from both, a return inside, and a loop whose bound changes as it runs.

extern "C" __global__ void collatz(int n, int limit, const unsigned *__restrict__ x, int *__restrict__ steps) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    unsigned long long v = x[i];
    if (v == 0) {
        steps[i] = -1;
        return;
    }
    int s = 0;
    while (v != 1) {
        if (s == limit) {
            steps[i] = -2;
            return;
        }
        if (v & 1)
            v = 3 * v + 1;
        else
            v >>= 1;
        s++;
    }
    steps[i] = s;
}

extern "C" __global__ void primes(int n, const int *__restrict__ x, int *__restrict__ count, int *__restrict__ last, unsigned *__restrict__ sum) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    int found = 0, latest = 0;
    unsigned check = 1;
    for (int p = 2; p < x[i]; p++) {
        bool prime = true;
        if (p > 2 && p % 2 == 0) continue;
        for (int d = 3; d * d <= p; d += 2) {
            if (p % d == 0) {
                prime = false;
                break;
            }
            if (d > 40) break;
        }
        if (!prime) continue;
        found++;
        latest = p;
        check = check * 31u + (unsigned)p;
    }
    count[i] = found;
    last[i] = latest;
    sum[i] = check;
}

extern "C" __global__ void maze(int n, const int *__restrict__ x, int *__restrict__ y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    int v = x[i], bound = v & 15, sum = 0;
    for (int a = 0; a < bound; a++) {
        for (int b = a; b < 12; b++) {
            sum += a * b + v;
            if (sum % 17 == 3) goto out;
            if (sum % 11 == 5) {
                bound--;
                continue;
            }
            int tries = 0;
            do {
                sum ^= b;
                if (sum & 64) break;
                sum += 9;
            } while (sum % 5 != 0 && ++tries < 20);
            if (sum % 29 == 1) {
                y[i] = -sum;
                return;
            }
        }
        sum += 1000;
    }
out:
    y[i] = sum;
}
