/* The pieces of a network's parameters: each is updated and packed by one worker, so that nobody else reads what it
 * writes but the packed weights. */
#include "network/layers.h"

#include "base/memory.h"

enum { PIECE = 4096 }; /* parameters, about: so few that workers have equal parts of a small network */

/* The size of a tensor's pieces: whole rows, as many as make a piece; where one panel of rows is more than that, some
 * of its columns. */
static void choose_size(const ddpm_network *net, const ddpm_tensor *tensor, int64_t *rows, int64_t *columns)
{
    const int64_t panel = net->kernels->panel, most = ddpm_larger(panel, PIECE / panel / panel * panel);
    *columns = tensor->cols <= most ? tensor->cols : most;
    *rows = ddpm_larger(panel, PIECE / *columns / panel * panel);
}

/* Count the pieces of a tensor, and write them where there is room. */
static int64_t cut(const ddpm_network *net, int64_t layer, int64_t tensor, ddpm_piece *to)
{
    const ddpm_tensor *t = &net->tensors[tensor];
    int64_t rows, columns, count = 0;
    choose_size(net, t, &rows, &columns);
    for (int64_t row = 0; row < t->rows; row += rows)
        for (int64_t column = 0; column < t->cols; column += columns, count++)
            if (to)
                to[count] = (ddpm_piece){.layer = layer,
                                         .tensor = tensor,
                                         .rows = {row, ddpm_smaller(row + rows, t->rows)},
                                         .columns = {column, ddpm_smaller(column + columns, t->cols)}};
    return count;
}

static int64_t cut_all(const ddpm_network *net, ddpm_piece *to)
{
    int64_t count = 0;
    for (int64_t l = 0; l < net->layer_count; l++) {
        const int64_t tensors[] = {net->layers[l].weight, net->layers[l].bias, net->layers[l].gain};
        for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++)
            if (tensors[i] >= 0) count += cut(net, l, tensors[i], to ? to + count : NULL);
    }
    return count;
}

static int64_t parameters_of(const ddpm_piece *piece)
{
    return (piece->rows.end - piece->rows.first) * (piece->columns.end - piece->columns.first);
}

ddpm_status ddpm_network_cut(ddpm_network *net)
{
    int64_t before = 0;
    net->piece_count = cut_all(net, NULL);
    DDPM_TRY(DDPM_NEW(&net->pieces, net->piece_count, "pieces of the parameters"));
    cut_all(net, net->pieces);
    for (int64_t i = 0; i < net->piece_count; i++) {
        net->pieces[i].before = before;
        before += parameters_of(&net->pieces[i]);
    }
    return DDPM_OK;
}

static int64_t count_parameters(const ddpm_network *net)
{
    const ddpm_piece *last = &net->pieces[net->piece_count - 1];
    return last->before + parameters_of(last);
}

/* The first piece that has at least so many parameters before it. */
static int64_t piece_after(const ddpm_network *net, int64_t parameters)
{
    int64_t low = 0, high = net->piece_count;
    while (low < high) {
        const int64_t middle = (low + high) / 2;
        if (net->pieces[middle].before < parameters)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

ddpm_range ddpm_network_pieces(const ddpm_network *network, int part, int parts, const ddpm_piece **pieces)
{
    const ddpm_range parameters = ddpm_part(count_parameters(network), part, parts);
    *pieces = network->pieces;
    return (ddpm_range){piece_after(network, parameters.first), piece_after(network, parameters.end)};
}
