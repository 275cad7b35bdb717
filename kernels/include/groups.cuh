// The elements of a batch of images as Philox draws them: four to a group, a group never spans two images. An element is the
// H,W,C index inside its image. kernels/rng/groups.go makes the struct.
#pragma once
#include "divide.cuh"

struct Groups {
    unsigned size;     // elements of an image
    unsigned groups;   // of an image, the last one may be incomplete
    unsigned total;    // groups of all images, below 2^30
    unsigned pixels;   // of an image
    unsigned channels; // size = pixels * channels
    Divisor by_groups, by_channels;
};

// Element is one of the four places of a group.
struct Element {
    bool exists;
    unsigned image, channel;
    long long row; // over all images
};

// element_of finds place 0..3 of a group from slot = 4 * group + place.
__device__ __forceinline__ Element element_of(const Groups &g, unsigned slot) {
    unsigned group = slot >> 2, image = quotient(group, g.by_groups);
    unsigned e = slot - 4 * image * g.groups, pixel = quotient(e, g.by_channels);
    return {group < g.total && e < g.size, image, e - pixel * g.channels, (long long)image * g.pixels + pixel};
}

// transpose4 gives lane l of a warp the numbers of slots l, 32+l, 64+l, 96+l, where lane l held those of slots 4l .. 4l+3:
// neighbouring lanes then access neighbouring elements. room is shared memory of 128 elements for the warp.
template <typename T, typename T4> __device__ __forceinline__ void transpose4(T (&v)[4], T4 mine, T *room) {
    unsigned lane = threadIdx.x & 31;
    __syncwarp();
    *reinterpret_cast<T4 *>(room + 4 * lane) = mine;
    __syncwarp();
#pragma unroll
    for (int k = 0; k < 4; k++) v[k] = room[32 * k + lane];
}
